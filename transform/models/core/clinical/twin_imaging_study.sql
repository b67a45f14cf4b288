{{ config(materialized="view") }}

with
    facts as (select * from {{ ref("twin_fact") }} where domain = 'imaging_study' and person_id is not null),

    final as (
        select
            facts.person_id,
            facts.category as modality,
            facts.code as body_site_code,
            facts.display as body_site,
            facts.value_num as n_instances,
            facts.value_text as description,
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
