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

    maps as (
        select * from {{ ref("int_concept_map__unioned") }} where is_current and target_code is not null
    ),

    normalised as (
        select
            delivered.source_system,
            delivered.code_system,
            delivered.code,
            case
                when lower(delivered.code_system) = 'local'
                then 'local:' || delivered.source_system
                -- our own exports write so what no standard has an address for
                when starts_with(delivered.code_system, 'urn:twin:')
                then substr(delivered.code_system, 10)
                else coalesce(systems.code_system, delivered.code_system)
            end as system_std,
            coalesce(systems.preference, 9) as preference,
            {{ code_key("systems.code_system", "delivered.code") }} as code_key,
            {{ code_problem("systems.code_system", "trim(delivered.code)") }} as code_problem
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

    -- A code that means nothing here may have a counterpart that does. Counterparts that differ in meaning
    -- give none: nothing is guessed.
    counterparts as (
        select distinct
            matched.source_system,
            matched.code_system,
            matched.code,
            maps.is_approximate,
            first_value(concept_codes.concept) over (
                partition by
                    matched.source_system,
                    matched.code_system,
                    matched.code,
                    maps.target_code_system,
                    maps.target_code
                order by length(concept_codes.code) desc, concept_codes.concept
            ) as concept
        from matched
        inner join
            maps on maps.source_code_system = matched.system_std and maps.source_code = matched.code_key
        inner join
            concept_codes
            on concept_codes.code_system = maps.target_code_system
            and (
                (concept_codes.match = 'exact' and concept_codes.code = maps.target_code)
                or (concept_codes.match = 'prefix' and starts_with(maps.target_code, concept_codes.code))
            )
        where matched.concept is null and matched.rank_no = 1
    ),

    translated as (
        select
            source_system,
            code_system,
            code,
            min(concept) as concept,
            bool_or(is_approximate) as is_approximate
        from counterparts
        group by source_system, code_system, code
        having count(distinct concept) = 1
    ),

    final as (
        select
            matched.source_system,
            matched.code_system,
            matched.code,
            matched.system_std,
            matched.code_key,
            matched.preference,
            coalesce(matched.concept, translated.concept) as concept,
            case
                when matched.concept is not null then 'direct' when translated.concept is not null then 'map'
            end as concept_source,
            matched.concept is null and coalesce(translated.is_approximate, false) as is_approximate,
            matched.code_problem
        from matched
        left join
            translated
            on translated.source_system = matched.source_system
            and translated.code_system is not distinct from matched.code_system
            and translated.code = matched.code
        where matched.rank_no = 1
    )

select *
from final
