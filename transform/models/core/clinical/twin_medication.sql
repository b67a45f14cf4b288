{{ config(materialized="view") }}

with
    facts as (select * from {{ ref("twin_fact") }} where domain = 'medication' and person_id is not null),

    drugs as (select * from {{ ref("drug") }}),

    final as (
        select
            facts.person_id,
            facts.concept,
            facts.code_system,
            facts.code,
            facts.display,
            facts.category,
            drugs.drug_class,
            drugs.indication_group,
            drugs.atc,
            facts.value_num as dose_value,
            facts.unit_src as dose_unit,
            facts.value_text as dose_text,
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
        left join drugs on drugs.concept = facts.concept
    )

select *
from final
