-- One row per concept_class_id that the concepts use: as landed, else named by itself.
{{ config(materialized="table") }}

with
    landed as (
        select *
        from {{ source("omop", "omop_concept_class") }}
        where concept_class_id is not null
        qualify row_number() over (partition by concept_class_id order by file_id, record_no) = 1
    ),

    concepts as (select * from {{ ref("omop_concept") }}),

    used as (select distinct concept_class_id from concepts),

    final as (
        select
            coalesce(landed.concept_class_id, used.concept_class_id) as concept_class_id,
            coalesce(landed.concept_class_name, used.concept_class_id) as concept_class_name,
            coalesce(concepts.concept_id, 0) as concept_class_concept_id
        from used
        full join landed on landed.concept_class_id = used.concept_class_id
        left join concepts on concepts.concept_id = landed.concept_class_concept_id
    )

select *
from final
