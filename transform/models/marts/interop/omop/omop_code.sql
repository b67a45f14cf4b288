-- One row per coding of the ledger: the OMOP concepts that stand for it. The source concept is the
-- landed vocabulary's, else one of the site's own; the standard concept follows from the landed
-- vocabulary (`Maps to`; of several the one with the smallest number), else it is 0.
{{ config(materialized="table") }}

with
    facts as (select * from {{ ref("twin_fact") }} where person_id is not null),

    systems as (select * from {{ ref("interop_code_system") }}),

    landed as (select * from {{ ref("stg_omop__concept") }} where concept_id < 2000000000),

    moved as (select key, id from {{ ref("interop_id_moved") }} where kind = 'concept'),

    codings as (
        select code_system, code, min(display) as display, min(domain) as domain
        from facts
        where code is not null and code_system is not null
        group by code_system, code
        union all
        select distinct 'ucum', coalesce(unit_std, unit_src), cast(null as varchar), 'unit'
        from facts
        where coalesce(unit_std, unit_src) is not null
    ),

    named as (
        select
            codings.code_system,
            codings.code,
            min(codings.display) as display,
            min(codings.domain) as domain,
            min({{ omop_vocabulary("codings.code_system", "systems.vocabulary_id") }}) as vocabulary_id,
            min(codings.code_system || '|' || codings.code) as key
        from codings
        left join systems on systems.code_system = codings.code_system
        group by codings.code_system, codings.code
    ),

    found as (
        select named.*, landed.concept_id, landed.standard_concept, landed.domain_id
        from named
        left join
            landed
            on landed.vocabulary_id = named.vocabulary_id
            and replace(landed.concept_code, '.', '')
            = case when named.code_system like 'icd%' then replace(named.code, '.', '') else named.code end
            and (named.code_system like 'icd%' or landed.concept_code = named.code)
        qualify
            row_number() over (
                partition by named.code_system, named.code
                order by
                    case when landed.invalid_reason is null then 0 else 1 end,
                    case when landed.standard_concept = 'S' then 0 else 1 end,
                    landed.concept_id
            )
            = 1
    ),

    targets as (
        select relations.concept_id_1 as concept_id, min(relations.concept_id_2) as target_id
        from {{ source("omop", "omop_concept_relationship") }} as relations
        inner join landed on landed.concept_id = relations.concept_id_2 and landed.standard_concept = 'S'
        where relations.relationship_id = 'Maps to' and coalesce(relations.invalid_reason, '') = ''
        group by relations.concept_id_1
    ),

    final as (
        select
            found.code_system,
            found.code,
            found.vocabulary_id,
            coalesce(found.display, found.code) as display,
            found.domain,
            coalesce(
                found.concept_id, moved.id, {{ interop_id("concept", interop_hash("concept", "found.key")) }}
            ) as source_concept_id,
            found.concept_id is null as is_local,
            coalesce(
                case when found.standard_concept = 'S' then found.concept_id else targets.target_id end, 0
            ) as concept_id,
            case
                when found.standard_concept = 'S' then found.domain_id else target_concepts.domain_id
            end as domain_id
        from found
        left join moved on moved.key = found.key
        left join targets on targets.concept_id = found.concept_id
        left join landed as target_concepts on target_concepts.concept_id = targets.target_id
    )

select *
from final
