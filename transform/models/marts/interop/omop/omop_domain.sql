-- One row per domain_id that the concepts use: as landed, else named by itself.
{{ config(materialized="table") }}

with
    landed as (
        select *
        from {{ source("omop", "omop_domain") }}
        where domain_id is not null
        qualify row_number() over (partition by domain_id order by file_id, record_no) = 1
    ),

    concepts as (select * from {{ ref("omop_concept") }}),

    used as (select distinct domain_id from concepts),

    final as (
        select
            coalesce(landed.domain_id, used.domain_id) as domain_id,
            coalesce(landed.domain_name, used.domain_id) as domain_name,
            coalesce(concepts.concept_id, 0) as domain_concept_id
        from used
        full join landed on landed.domain_id = used.domain_id
        left join concepts on concepts.concept_id = landed.domain_concept_id
    )

select *
from final
