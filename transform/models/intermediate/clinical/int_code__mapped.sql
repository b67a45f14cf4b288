-- One row per source and code as delivered: its system's short name and the concept it means, if any. The
-- longest listed prefix wins, so I25.2 (old infarction) is told apart from I25. Local codes mean something
-- only in their source: their system is `local:<source>`.
{{ config(materialized="table") }}

with
    delivered as (
        select distinct source_system, code_system, code
        from {{ ref("int_record__unioned") }}
        where code is not null
    ),

    systems as (select * from {{ ref("code_system") }}),

    concept_codes as (select * from {{ ref("concept_code") }}),

    normalised as (
        select
            delivered.source_system,
            delivered.code_system,
            delivered.code,
            case
                when lower(delivered.code_system) = 'local'
                then 'local:' || delivered.source_system
                else coalesce(systems.code_system, delivered.code_system)
            end as system_std,
            coalesce(systems.preference, 9) as preference,
            case
                when systems.code_system like 'icd%'
                then upper(replace(trim(delivered.code), '.', ''))
                else trim(delivered.code)
            end as code_key
        from delivered
        left join systems on systems.alias = lower(trim(delivered.code_system))
    ),

    matched as (
        select
            normalised.*,
            concept_codes.concept,
            row_number() over (
                partition by normalised.source_system, normalised.code_system, normalised.code
                order by length(concept_codes.code) desc, concept_codes.concept
            ) as rank_no
        from normalised
        left join
            concept_codes
            on concept_codes.code_system = normalised.system_std
            and (
                (concept_codes.match = 'exact' and concept_codes.code = normalised.code_key)
                or (concept_codes.match = 'prefix' and starts_with(normalised.code_key, concept_codes.code))
            )
    ),

    final as (
        select source_system, code_system, code, system_std, code_key, preference, concept
        from matched
        where rank_no = 1
    )

select *
from final
