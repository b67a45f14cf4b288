-- One row per relation of two concepts that are both there.
{{ config(materialized="table") }}

with
    concepts as (select concept_id from {{ ref("omop_concept") }}),

    final as (
        select
            relations.concept_id_1,
            relations.concept_id_2,
            relations.relationship_id,
            coalesce(min(relations.valid_start_date), date '1970-01-01') as valid_start_date,
            coalesce(max(relations.valid_end_date), date '2099-12-31') as valid_end_date,
            max(nullif(relations.invalid_reason, '')) as invalid_reason
        from {{ source("omop", "omop_concept_relationship") }} as relations
        semi join concepts as firsts on firsts.concept_id = relations.concept_id_1
        semi join concepts as seconds on seconds.concept_id = relations.concept_id_2
        where relations.relationship_id is not null
        group by relations.concept_id_1, relations.concept_id_2, relations.relationship_id
    )

select *
from final
