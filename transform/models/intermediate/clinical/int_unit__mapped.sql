-- One row per concept and unit as written in measurements: the UCUM unit it means and how to reach the
-- canonical one. Listed spellings come first (K/uL is a thousand per microlitre here, not a kelvin), then
-- UCUM as it stands. Nothing is guessed: without a rule the factor stays null and unit_problem says why.
{{ config(materialized="table") }}

with
    delivered as (
        select distinct concept, unit_src
        from {{ ref("int_fact__versioned") }}
        where domain = 'measurement' and unit_src is not null and trim(unit_src) <> ''
    ),

    aliases as (select * from {{ ref("unit_alias") }}),

    concepts as (select * from {{ ref("concept") }} where canonical_unit is not null),

    analyte_codes as (select * from {{ ref("analyte_code") }} where code_system = 'concept'),

    analytes as (select * from {{ ref("analyte") }}),

    formulas as (select * from {{ analyte_formulas(ref("analyte_conversion")) }} as listed),

    spelt as (
        select
            delivered.concept,
            delivered.unit_src,
            coalesce(aliases.unit, trim(delivered.unit_src)) as from_unit,
            concepts.canonical_unit as to_unit,
            analyte_codes.analyte,
            analyte_codes.reference_analyte
        from delivered
        left join aliases on aliases.alias = {{ unit_spelling("delivered.unit_src") }}
        left join concepts on concepts.concept = delivered.concept
        left join analyte_codes on analyte_codes.code = delivered.concept
    ),

    units as (
        select distinct unnest([from_unit, to_unit, {{ ucum_of_analyte("from_unit", "true") }}]) as unit
        from spelt
    ),

    parsed as materialized(select * from {{ ucum_parsed("units", ref("ucum_symbol")) }} as one),

    pairs as (
        select distinct from_unit, to_unit, analyte, reference_analyte from spelt where to_unit is not null
    ),

    conversions as materialized(select * from {{ ucum_conversions("pairs", "parsed", "analytes") }} as one),

    final as (
        select
            spelt.concept,
            spelt.unit_src,
            case when parsed.problem is null then spelt.from_unit end as unit_ucum,
            spelt.to_unit as unit_std,
            coalesce(formulas.factor, conversions.factor) as factor,
            coalesce(formulas.value_offset, conversions.value_offset) as value_offset,
            case
                when formulas.factor is not null
                then null
                when parsed.problem is not null
                then 'from_unit_unknown'
                when conversions.problem is null and not conversions.is_linear
                then 'not_linear'
                else conversions.problem
            end as unit_problem
        from spelt
        inner join parsed on parsed.unit = spelt.from_unit
        left join
            formulas
            on formulas.concept = spelt.concept
            and formulas.from_unit = spelt.from_unit
            and formulas.to_unit = spelt.to_unit
        left join
            conversions
            on conversions.from_unit = spelt.from_unit
            and conversions.to_unit = spelt.to_unit
            and conversions.analyte is not distinct from spelt.analyte
    )

select *
from final
