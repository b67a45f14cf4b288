with
    facts as (
        select *
        from {{ ref("twin_fact") }}
        where domain = 'measurement' and superseded_at is null and op <> 'retract'
    ),

    concepts as (select * from {{ ref("concept") }}),

    flagged as (
        select
            facts.*,
            case
                when quality_flags like '%unit_missing%'
                then 'unit_missing'
                when quality_flags like '%unit_unknown%'
                then 'unit_unknown'
                when quality_flags like '%unit_unconvertible%'
                then 'unit_unconvertible'
                when quality_flags like '%implausible%'
                then 'implausible'
            end as issue
        from facts
    ),

    final as (
        select
            flagged.source_system,
            coalesce(flagged.concept, 'unknown') as concept,
            coalesce(flagged.code_system, '') as code_system,
            coalesce(flagged.code, '') as code,
            coalesce(flagged.unit_src, '') as unit_src,
            flagged.issue,
            max(concepts.canonical_unit) as canonical_unit,
            cast(count(*) as bigint) as n_facts,
            cast(min(flagged.value_num) as double) as lowest_value,
            cast(median(flagged.value_num) as double) as median_value,
            cast(max(flagged.value_num) as double) as highest_value
        from flagged
        left join concepts on concepts.concept = flagged.concept
        where flagged.issue is not null
        group by
            flagged.source_system,
            coalesce(flagged.concept, 'unknown'),
            coalesce(flagged.code_system, ''),
            coalesce(flagged.code, ''),
            coalesce(flagged.unit_src, ''),
            flagged.issue
    )

select *
from final
