-- One row per concept and unit as written in measurements: the UCUM unit it means and how to reach the
-- canonical one. No row is guessed: without an alias or a listed conversion the factor stays null.
{{ config(materialized="table") }}

with
    delivered as (
        select distinct concept, unit_src
        from {{ ref("int_fact__versioned") }}
        where domain = 'measurement' and unit_src is not null and trim(unit_src) <> ''
    ),

    aliases as (select * from {{ ref("unit_alias") }}),

    conversions as (select * from {{ ref("unit_conversion") }}),

    concepts as (select * from {{ ref("concept") }}),

    resolved as (
        select
            delivered.concept,
            delivered.unit_src,
            aliases.unit as unit_ucum,
            concepts.canonical_unit as unit_std
        from delivered
        left join aliases on aliases.alias = lower(regexp_replace(trim(delivered.unit_src), '\s+', ' ', 'g'))
        left join concepts on concepts.concept = delivered.concept
    ),

    final as (
        select
            resolved.concept,
            resolved.unit_src,
            resolved.unit_ucum,
            resolved.unit_std,
            case
                when resolved.unit_ucum = resolved.unit_std then 1 else coalesce(own.factor, general.factor)
            end as factor,
            case
                when resolved.unit_ucum = resolved.unit_std
                then 0
                else coalesce(own.value_offset, general.value_offset)
            end as value_offset
        from resolved
        left join
            conversions as own
            on own.concept = resolved.concept
            and own.from_unit = resolved.unit_ucum
            and own.to_unit = resolved.unit_std
        left join
            conversions as general
            on general.concept = '*'
            and general.from_unit = resolved.unit_ucum
            and general.to_unit = resolved.unit_std
    )

select *
from final
