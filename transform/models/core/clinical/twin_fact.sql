{{ config(materialized="incremental", incremental_strategy="by_person", on_schema_change="fail") }}
-- depends_on: {{ ref("int_identity__touched") }}
with
    facts as (select * from {{ ref("int_fact__standardised") }}),

    files as (
        select file_id, min(ingested_at) as ingested_at from {{ ref("stg_landing__file") }} group by file_id
    ),

    final as (
        select
            facts.fact_key,
            facts.version,
            facts.source_system,
            facts.source_person_key,
            facts.person_id,
            facts.domain,
            facts.concept,
            facts.code_system,
            facts.code,
            facts.display,
            facts.category,
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
            facts.superseded_at,
            files.ingested_at,
            facts.op,
            facts.status,
            facts.encounter_key,
            facts.quality_flags,
            facts.source_table,
            facts.source_id,
            facts.component,
            facts.file_id,
            facts.record_no
        from facts
        left join files on files.file_id = facts.file_id
    )

select *
from final
order by domain, concept, person_id, event_at, fact_key, version
