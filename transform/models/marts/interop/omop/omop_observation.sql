-- One row per fact of no other table: answers, social facts, allergies, family history, reports without a
-- text.
with
    events as (select * from {{ here(ref("omop_event")) }} where kind = 'observation'),

    units as (select * from {{ here(ref("omop_code")) }} where code_system = 'ucum'),

    final as (
        select
            events.event_id as observation_id,
            events.person_id,
            -- what a relative has must not be counted as what the person has
            case
                when events.domain = 'family_history' then 4167217 else events.concept_id
            end as observation_concept_id,
            events.start_date as observation_date,
            events.start_datetime as observation_datetime,
            32817 as observation_type_concept_id,
            coalesce(events.value_std, events.value_num) as value_as_number,
            case
                when events.domain <> 'family_history' then left(events.value_text, 60)
            end as value_as_string,
            case
                when events.domain = 'family_history'
                then coalesce(nullif(events.concept_id, 0), events.source_concept_id)
            end as value_as_concept_id,
            units.concept_id as unit_concept_id,
            events.visit_occurrence_id,
            case
                when events.domain = 'family_history' then 'family_history' else events.source_value
            end as observation_source_value,
            case
                when events.domain = 'family_history' then 0 else events.source_concept_id
            end as observation_source_concept_id,
            left(coalesce(events.unit_std, events.unit_src), 50) as unit_source_value,
            case
                when events.domain = 'family_history'
                then left(events.category, 50)
                when events.domain = 'allergy'
                then 'allergy'
            end as qualifier_source_value,
            case
                when events.domain = 'family_history'
                then events.source_value
                else left(coalesce(events.value_text, cast(events.value_num as varchar)), 50)
            end as value_source_value
        from events
        left join units on units.code = coalesce(events.unit_std, events.unit_src)
    )

select *
from final
