-- One row per source, domain and category of measurement: of what happened in the last three hours before a
-- day in hospital was over,
-- how much was not known yet. Features by event time would have used it: this is the leak that
-- `known_at <= T` closes.
with
    facts as (
        select *
        from {{ ref("twin_fact") }}
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
            source_system,
            domain,
            category,
            cast(count(distinct encounter_key) as bigint) as n_encounters,
            cast(
                count(distinct case when is_not_known_yet then encounter_key end) as bigint
            ) as n_encounters_with_leak,
            cast(count(*) as bigint) as n_facts,
            cast(sum(case when is_not_known_yet then 1 else 0 end) as bigint) as n_not_known_yet,
            cast(
                round(100.0 * sum(case when is_not_known_yet then 1 else 0 end) / count(*), 1) as double
            ) as not_known_yet_percent
        from recent
        group by source_system, domain, category
    )

select *
from final
