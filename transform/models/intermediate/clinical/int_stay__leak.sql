-- One row per stay in hospital, domain and category of measurement: what happened in the last three hours
-- before its
-- first day was over, and how much of it was not known yet.
{{ config(materialized="incremental", incremental_strategy="by_person") }}

with
    facts as (
        select *
        from {{ touched(ref("twin_fact")) }} as facts
        where person_id is not null and op <> 'retract' and version = 1 and event_at is not null
    ),

    stays as (
        select person_id, source_system, encounter_key, event_at + interval '24' hour as predicted_at
        from facts
        where
            domain = 'encounter'
            and category in ('IMP', 'ACUTE', 'NONAC', 'OBSENC', 'inpatient')
            and event_end_at >= event_at + interval '24' hour
            -- a stay in a unit is a part of an admission
            and coalesce(source_table, '') <> 'mimic_iv_icustays'
    ),

    recent as (
        select
            facts.person_id,
            facts.source_system,
            facts.domain,
            case when facts.domain = 'measurement' then coalesce(facts.category, '') else '' end as category,
            stays.encounter_key,
            facts.known_at is null or facts.known_at > stays.predicted_at as is_not_known_yet
        from stays
        inner join
            facts
            on facts.person_id = stays.person_id
            and facts.source_system = stays.source_system
            and facts.event_at > stays.predicted_at - interval '3' hour
            and facts.event_at <= stays.predicted_at
            and facts.domain <> 'encounter'
    ),

    final as (
        select
            person_id,
            source_system,
            encounter_key,
            domain,
            category,
            cast(count(*) as bigint) as n_facts,
            cast(sum(case when is_not_known_yet then 1 else 0 end) as bigint) as n_not_known_yet
        from recent
        group by person_id, source_system, encounter_key, domain, category
    )

select *
from final
