-- One row per concept and concept above it that are both there.
{{ config(materialized="table") }}

with
    concepts as (select concept_id from {{ ref("omop_concept") }}),

    final as (
        select
            pairs.ancestor_concept_id,
            pairs.descendant_concept_id,
            min(coalesce(pairs.min_levels_of_separation, 0)) as min_levels_of_separation,
            max(coalesce(pairs.max_levels_of_separation, 0)) as max_levels_of_separation
        from {{ source("omop", "omop_concept_ancestor") }} as pairs
        semi join concepts as above on above.concept_id = pairs.ancestor_concept_id
        semi join concepts as below on below.concept_id = pairs.descendant_concept_id
        group by pairs.ancestor_concept_id, pairs.descendant_concept_id
    )

select *
from final
