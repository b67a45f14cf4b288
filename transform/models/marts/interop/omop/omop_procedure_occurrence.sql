-- One row per procedure or imaging study.
with
    final as (
        select
            event_id as procedure_occurrence_id,
            person_id,
            concept_id as procedure_concept_id,
            start_date as procedure_date,
            start_datetime as procedure_datetime,
            end_date as procedure_end_date,
            end_datetime as procedure_end_datetime,
            32817 as procedure_type_concept_id,
            visit_occurrence_id,
            coalesce(source_value, left(category, 50)) as procedure_source_value,
            source_concept_id as procedure_source_concept_id,
            case when domain = 'imaging_study' then left(category, 50) end as modifier_source_value
        from {{ here(ref("omop_event")) }}
        where kind = 'procedure'
    )

select *
from final
