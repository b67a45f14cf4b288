-- One row per device of a person, from when it became known.
with
    final as (
        select
            event_id as device_exposure_id,
            person_id,
            concept_id as device_concept_id,
            start_date as device_exposure_start_date,
            start_datetime as device_exposure_start_datetime,
            end_date as device_exposure_end_date,
            end_datetime as device_exposure_end_datetime,
            32817 as device_type_concept_id,
            case when domain = 'device' then left(value_text, 255) end as unique_device_id,
            visit_occurrence_id,
            source_value as device_source_value,
            source_concept_id as device_source_concept_id
        from {{ here(ref("omop_event")) }}
        where kind = 'device'
    )

select *
from final
