-- One row per mapped code of the platform's own map and of those that the site landed, in the forms in which
-- codes are compared. Of the versions of a map the last one is current.
with
    systems as (select * from {{ ref("code_system") }}),

    unioned as (
        select *, 'seed' as origin
        from {{ ref("code_map") }}
        union all by name
        select *, 'landed' as origin, 'landed by ' || source_system as citation
        from {{ ref("stg_extract__concept_map") }}
    ),

    named as (
        select
            unioned.* replace (
                coalesce(sources.code_system, unioned.source_code_system) as source_code_system,
                coalesce(targets.code_system, unioned.target_code_system) as target_code_system
            )
        from unioned
        left join systems as sources on sources.alias = lower(trim(unioned.source_code_system))
        left join systems as targets on targets.alias = lower(trim(unioned.target_code_system))
    ),

    final as (
        select
            source_code_system,
            {{ code_key("source_code_system", "source_code") }} as source_code,
            target_code_system,
            {{ code_key("target_code_system", "target_code") }} as target_code,
            min(equivalence) as equivalence,
            bool_or(equivalence not in ('equal', 'equivalent')) as is_approximate,
            map_name,
            map_version,
            map_version = max(map_version) over (partition by map_name) as is_current,
            min(origin) as origin,
            min(citation) as citation
        from named
        group by
            source_code_system,
            {{ code_key("source_code_system", "source_code") }},
            target_code_system,
            {{ code_key("target_code_system", "target_code") }},
            map_name,
            map_version
    )

select *
from final
