-- One row per fact as it was held to be true at the moment of the export; see the variable known_at.
with
    facts as (
        select *
        from {{ here(ref("twin_fact")) }}
        where
            op <> 'retract'
            -- what was asked for or refused is no event of any of the formats
            and domain not in ('order', 'not_done')
            and coalesce(known_at <= {{ export_moment() }}, {{ export_moment() }} is null)
            and (superseded_at is null or superseded_at > {{ export_moment() }})
    ),

    systems as (select * from {{ here(ref("interop_code_system")) }}),

    people as (select * from {{ here(ref("interop_person")) }}),

    moved as (select key, id from {{ here(ref("interop_id_moved")) }} where kind = 'event'),

    -- the encounter of a source that a fact names; an admission before the stays within it
    encounters as (
        select source_system, source_person_key, encounter_key, fact_key
        from facts
        where domain = 'encounter' and encounter_key is not null and person_id is not null
        qualify
            row_number() over (
                partition by source_system, source_person_key, encounter_key
                order by event_at nulls last, event_end_at desc nulls last, fact_key
            )
            = 1
    ),

    final as (
        select
            facts.fact_key,
            coalesce(
                moved.id, {{ interop_id("event", interop_hash("event", "facts.fact_key")) }}
            ) as event_id,
            people.subject_id,
            facts.person_id,
            facts.domain,
            facts.concept,
            facts.code_system,
            facts.code,
            coalesce(systems.uri, 'urn:twin:' || facts.code_system) as code_uri,
            {{ omop_vocabulary("facts.code_system", "systems.vocabulary_id") }} as vocabulary_id,
            facts.display,
            facts.category,
            facts.status,
            facts.value_num,
            facts.comparator,
            facts.value_text,
            facts.value_code,
            facts.unit_src,
            facts.value_std,
            facts.unit_std,
            facts.ref_low,
            facts.ref_high,
            facts.event_at,
            facts.event_end_at,
            facts.event_precision,
            facts.known_at,
            facts.known_basis,
            encounters.fact_key as encounter_fact_key,
            facts.source_system
        from facts
        inner join people on people.person_id = facts.person_id
        left join moved on moved.key = facts.fact_key
        left join systems on systems.code_system = facts.code_system
        left join
            encounters
            on encounters.source_system = facts.source_system
            and encounters.source_person_key = facts.source_person_key
            and encounters.encounter_key = facts.encounter_key
    )

select *
from final
