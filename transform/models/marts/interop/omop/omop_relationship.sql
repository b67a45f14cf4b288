-- One row per relationship_id that the concepts relations use: as landed, else named by itself.
{{ config(materialized="table") }}

with
    landed as (
        select *
        from {{ source("omop", "omop_relationship") }}
        where relationship_id is not null
        qualify row_number() over (partition by relationship_id order by file_id, record_no) = 1
    ),

    concepts as (select * from {{ ref("omop_concept") }}),

    used as (select distinct relationship_id from {{ ref("omop_concept_relationship") }}),

    final as (
        select
            coalesce(landed.relationship_id, used.relationship_id) as relationship_id,
            coalesce(landed.relationship_name, used.relationship_id) as relationship_name,
            coalesce(landed.is_hierarchical, '0') as is_hierarchical,
            coalesce(landed.defines_ancestry, '0') as defines_ancestry,
            coalesce(landed.reverse_relationship_id, used.relationship_id) as reverse_relationship_id,
            coalesce(concepts.concept_id, 0) as relationship_concept_id
        from used
        full join landed on landed.relationship_id = used.relationship_id
        left join concepts on concepts.concept_id = landed.relationship_concept_id
    )

select *
from final
