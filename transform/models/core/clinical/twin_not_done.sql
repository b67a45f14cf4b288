{{ config(materialized="view") }}

with
    facts as (select * from {{ ref("twin_fact") }} where domain = 'not_done' and person_id is not null),

    final as (
        select
            facts.person_id,
            facts.concept,
            facts.code_system,
            facts.code,
            facts.display,
            facts.category as what,
            facts.value_code as reason_code,
            facts.event_at,
            facts.event_end_at,
            facts.event_precision,
            facts.known_at,
            facts.known_basis,
            facts.superseded_at,
            facts.op,
            facts.status,
            facts.quality_flags,
            facts.encounter_key,
            facts.source_system,
            facts.fact_key,
            facts.version
        from facts
    )

select *
from final
