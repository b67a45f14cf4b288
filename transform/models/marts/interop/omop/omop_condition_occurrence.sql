-- One row per condition.
with
    final as (
        select
            event_id as condition_occurrence_id,
            person_id,
            concept_id as condition_concept_id,
            start_date as condition_start_date,
            start_datetime as condition_start_datetime,
            end_date as condition_end_date,
            end_datetime as condition_end_datetime,
            32817 as condition_type_concept_id,
            visit_occurrence_id,
            source_value as condition_source_value,
            source_concept_id as condition_source_concept_id,
            left(status, 50) as condition_status_source_value
        from {{ here(ref("omop_event")) }}
        where kind = 'condition'
    )

select *
from final
