-- One row per concept and scope. Concepts from 2,000,000,000 on mean something only in the source that made
-- them.
{{ config(materialized="table") }}

with
    raw as (select * from {{ source("omop", "omop_concept") }}),

    final as (
        select
            concept_id,
            {{ omop_scope("concept_id", "source") }} as scope,
            concept_name,
            domain_id,
            vocabulary_id,
            concept_class_id,
            nullif(standard_concept, '') as standard_concept,
            concept_code,
            valid_start_date,
            valid_end_date,
            nullif(invalid_reason, '') as invalid_reason
        from raw
        qualify
            row_number() over (
                partition by concept_id, {{ omop_scope("concept_id", "source") }}
                order by valid_end_date desc nulls last, file_id, record_no
            )
            = 1
    )

select *
from final
