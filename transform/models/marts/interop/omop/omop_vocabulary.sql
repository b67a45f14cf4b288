-- One row per vocabulary_id that the concepts use: as landed, else named by itself.
{{ config(materialized="table") }}

with
    landed as (
        select *
        from {{ source("omop", "omop_vocabulary") }}
        where vocabulary_id is not null
        qualify row_number() over (partition by vocabulary_id order by file_id, record_no) = 1
    ),

    concepts as (select * from {{ ref("omop_concept") }}),

    used as (select distinct vocabulary_id from concepts),

    final as (
        select
            coalesce(landed.vocabulary_id, used.vocabulary_id) as vocabulary_id,
            coalesce(landed.vocabulary_name, used.vocabulary_id) as vocabulary_name,
            landed.vocabulary_reference,
            landed.vocabulary_version,
            coalesce(concepts.concept_id, 0) as vocabulary_concept_id
        from used
        full join landed on landed.vocabulary_id = used.vocabulary_id
        left join concepts on concepts.concept_id = landed.vocabulary_concept_id
    )

select *
from final
