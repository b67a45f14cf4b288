-- One row per encounter. An encounter without an end is taken to end on the day it began.
with
    events as (select * from {{ here(ref("omop_event")) }} where kind = 'encounter'),

    classes as (select * from {{ here(ref("interop_visit_concept")) }}),

    final as (
        select
            events.event_id as visit_occurrence_id,
            events.person_id,
            coalesce(
                nullif(case when concepts.domain_id = 'Visit' then events.concept_id end, 0),
                classes.visit_concept_id,
                0
            ) as visit_concept_id,
            events.start_date as visit_start_date,
            events.start_datetime as visit_start_datetime,
            coalesce(events.end_date, events.start_date) as visit_end_date,
            events.end_datetime as visit_end_datetime,
            32817 as visit_type_concept_id,
            coalesce(events.category, events.source_value) as visit_source_value,
            events.source_concept_id as visit_source_concept_id
        from events
        left join classes on classes.class_code = upper(events.category)
        left join {{ here(ref("omop_concept")) }} as concepts on concepts.concept_id = events.concept_id
    )

select *
from final
