{# An enzyme's international unit is the unit U; for anything else it is arbitrary. #}
{% macro ucum_of_analyte(unit, is_catalytic) -%}
    case
        when {{ is_catalytic }} then replace(replace({{ unit }}, '[IU]', 'U'), '[iU]', 'U') else {{ unit }}
    end
{%- endmacro %}

{# How to reach a unit from another. `pairs` has from_unit, to_unit, analyte, reference_analyte (of the denominator of a #}
{# ratio); `parsed` has their rows of ucum_parsed, after ucum_of_analyte; `analytes` is the seed. Adds problem (null: #}
{# it can be done), is_linear, factor and value_offset (to = from * factor + value_offset), bridge (of the substance). #}
{% macro ucum_conversions(pairs, parsed, analytes) -%}
    {%- set n_from = "(f.grams + f.moles + f.equivalents)" -%}
    {%- set d_moles = "(f.moles - t.moles)" -%}
    {%- set d_equivalents = "(f.equivalents - t.equivalents)" -%}
    (
        with
            matched as (
                select
                    pairs.from_unit,
                    pairs.to_unit,
                    pairs.analyte,
                    pairs.reference_analyte,
                    f,
                    t,
                    f.base_units = t.base_units as is_same_kind,
                    f.base_units <> t.base_units
                    and f.rest_units = t.rest_units
                    and f.grams + f.moles + f.equivalents = t.grams + t.moles + t.equivalents
                    and ({{ d_moles }} <> 0 or {{ d_equivalents }} <> 0)
                    and (
                        least(f.moles, f.equivalents, t.moles, t.equivalents) >= 0
                        or greatest(f.moles, f.equivalents, t.moles, t.equivalents) <= 0
                    ) as is_bridge,
                    case
                        when
                            least(f.moles, f.equivalents, t.moles, t.equivalents) < 0
                            and pairs.reference_analyte is not null
                        then below
                        else own
                    end as substance
                from {{ pairs }} as pairs
                left join {{ analytes }} as own on own.analyte = pairs.analyte
                left join {{ analytes }} as below on below.analyte = pairs.reference_analyte
                left join
                    {{ parsed }} as f on f.unit = {{ ucum_of_analyte("pairs.from_unit", "own.is_catalytic") }}
                left join
                    {{ parsed }} as t on t.unit = {{ ucum_of_analyte("pairs.to_unit", "own.is_catalytic") }}
            ),

            judged as (
                select
                    *,
                    case
                        when f.unit is null or f.problem is not null
                        then 'from_unit_unknown'
                        when t.unit is null or t.problem is not null
                        then 'to_unit_unknown'
                        when from_unit = to_unit
                        then null
                        when not is_same_kind and not is_bridge
                        then 'different_kind'
                        when f.is_special_compound or t.is_special_compound
                        then 'special_unit_in_compound'
                        when f.normalised_by <> t.normalised_by
                        then 'normalised_differently'
                        when f.is_amount_ratio <> t.is_amount_ratio
                        then 'amount_ratio'
                        when is_bridge and substance.analyte is null
                        then 'analyte_unknown'
                        when
                            is_bridge
                            and {{ d_moles }} + {{ d_equivalents }} <> 0
                            and substance.molar_mass is null
                        then 'molar_mass_unknown'
                        when is_bridge and {{ d_equivalents }} <> 0 and substance.valence is null
                        then 'valence_unknown'
                    end as problem,
                    case
                        when is_bridge
                        then
                            pow(coalesce(substance.molar_mass, 1), {{ d_moles }} + {{ d_equivalents }})
                            * pow(coalesce(substance.valence, 1), -{{ d_equivalents }})
                        else 1.0
                    end as bridge,
                    {{ ucum_shift("f.function_name") }} as from_shift,
                    {{ ucum_shift("t.function_name") }} as to_shift
                from matched
            ),

            final as (
                select
                    from_unit,
                    to_unit,
                    analyte,
                    reference_analyte,
                    problem,
                    bridge,
                    problem is null
                    and (
                        from_unit = to_unit or (from_shift is not null and to_shift is not null)
                    ) as is_linear,
                    case
                        when problem is not null
                        then null
                        when from_unit = to_unit
                        then 1.0
                        when from_shift is not null and to_shift is not null
                        then {{ fifteen_digits("f.scale * f.factor * bridge / (t.factor * t.scale)") }}
                    end as factor,
                    case
                        when problem is not null
                        then null
                        when from_unit = to_unit
                        then 0.0
                        when from_shift is not null and to_shift is not null
                        then {{ fifteen_digits("(from_shift * f.factor / t.factor - to_shift) / t.scale") }}
                    end as value_offset
                from judged
            )

        select *
        from final
    )
{%- endmacro %}

{# Formulas that only an analyte has (HbA1c of NGSP and IFCC), in both directions. #}
{% macro analyte_formulas(conversions) -%}
    (
        select concept, from_unit, to_unit, factor, value_offset
        from {{ conversions }}
        union all
        select
            concept,
            to_unit as from_unit,
            from_unit as to_unit,
            1 / factor as factor,
            - value_offset / factor as value_offset
        from {{ conversions }}
    )
{%- endmacro %}

{# A unit as the seed unit_alias spells it: small letters, single blanks. #}
{% macro unit_spelling(unit) -%} lower(regexp_replace(trim({{ unit }}), '\s+', ' ', 'g')) {%- endmacro %}
