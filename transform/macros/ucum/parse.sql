{# UCUM (https://ucum.org/ucum) in SQL: which unit an expression is, and how to reach another. The symbols stand in the #}
{# seed ucum_symbol. The same text runs in the warehouse and behind `twin ucum` (ehr/terminology/ucum.py), so these #}
{# macros take everything as arguments and know nothing of dbt. #}
{# Every symbol that a unit may be built from, prefixed ones included: symbol, scale (of the prefix), factor (in base #}
{# units), base_units, function_name. A symbol of its own wins over a prefix and a shorter symbol, as in `min` and `cd`. #}
{% macro ucum_symbols(symbols) -%}
    (
        select symbol, 1.0::double as scale, factor, base_units, function_name
        from {{ symbols }}
        where kind = 'unit'
        union all
        select prefix.symbol || atom.symbol, prefix.factor, atom.factor, atom.base_units, atom.function_name
        from {{ symbols }} as prefix
        cross join {{ symbols }} as atom
        where
            prefix.kind = 'prefix'
            and atom.kind = 'unit'
            and atom.is_metric
            and prefix.symbol || atom.symbol
            not in (select own.symbol from {{ symbols }} as own where own.kind = 'unit')
    )
{%- endmacro %}

{# One row per distinct `unit` of the relation: unit, problem (null: it is UCUM), factor and base_units of its base #}
{# expression, function_name and scale of a special unit (Cel, [pH], dB …), the exponents that analytes can bridge #}
{# (grams, moles, equivalents), everything else (rest_units), is_amount_ratio (mol/mol: a number only by name) and #}
{# normalised_by (annotations with a number in them, such as {1.73_m2}: not the unit without). Parentheses may nest #}
{# eight deep. Costs grow with distinct units, not with values. #}
{% macro ucum_parsed(units, symbols) -%}
    {%- set annotation = "\\{[!-z|~]*\\}" -%}
    {%- set shape = "regexp_replace(string_agg(kind, '' order by pos), '([u)])a', '\\1', 'g')" -%}
    {%- set reduced = ["replace(shape, 'a', 'u')"] -%}
    {%- for _ in range(8) -%}
        {%- do reduced.append("regexp_replace(" ~ reduced[-1] ~ ", '\\(u([./]u)*\\)', 'u', 'g')") -%}
    {%- endfor -%}
    (
        with
            given as (select distinct unit from {{ units }} where unit is not null),

            split as (
                select
                    unit,
                    regexp_extract_all(
                        unit, '{{ annotation }}|(?:\[[^\[\]{}]*\]|[^./(){}\[\]])+|[\s\S]'
                    ) as listed
                from given
            ),

            tokens as (
                select unit, unnest(listed) as token, generate_subscripts(listed, 1) as pos from split
            ),

            kinds as (
                select
                    *,
                    case
                        when token in ('(', ')', '.', '/')
                        then token
                        when regexp_full_match(token, '{{ annotation }}')
                        then 'a'
                        when regexp_full_match(token, '[!-~]+') and token not in ('{', '}', '[', ']')
                        then 'u'
                        else 'x'
                    end as kind
                from tokens
            ),

            placed as (
                select
                    *,
                    sum(case kind when '(' then 1 when ')' then -1 else 0 end) over (
                        partition by unit order by pos
                    ) as depth,
                    case
                        when lag(token) over (partition by unit order by pos) = '/' then -1 else 1
                    end as sign
                from kinds
            ),

            -- a division sign before a parenthesis holds for everything inside
            around as (
                select inner_one.unit, inner_one.pos, outer_one.sign
                from placed as inner_one
                inner join
                    placed as outer_one
                    on outer_one.unit = inner_one.unit
                    and outer_one.kind = '('
                    and outer_one.pos < inner_one.pos
                    and outer_one.depth <= inner_one.depth
                where inner_one.kind = 'u'
                qualify
                    row_number() over (
                        partition by inner_one.unit, inner_one.pos, outer_one.depth
                        order by outer_one.pos desc
                    )
                    = 1
            ),

            signs as (
                select unit, pos, cast(product(sign) as integer) as sign from around group by unit, pos
            ),

            components as (
                select
                    placed.unit,
                    placed.pos,
                    placed.token,
                    regexp_full_match(placed.token, '[0-9]+') as is_number,
                    regexp_extract(placed.token, '^(.*?)([+-]?[0-9]+)?$', 1) as symbol,
                    placed.sign * coalesce(signs.sign, 1) as sign,
                    coalesce(
                        try_cast(
                            nullif(regexp_extract(placed.token, '^(.*?)([+-]?[0-9]+)?$', 2), '') as integer
                        ),
                        1
                    ) as exponent
                from placed
                left join signs on signs.unit = placed.unit and signs.pos = placed.pos
                where placed.kind = 'u'
            ),

            meant as (
                select
                    components.*,
                    known.scale,
                    known.function_name,
                    known.base_units,
                    components.sign * case when is_number then 1 else exponent end as power,
                    case when is_number then try_cast(token as double) else known.factor end as factor,
                    case
                        when is_number and try_cast(token as double) > 0
                        then false
                        when not is_number and known.symbol is not null and exponent <> 0
                        then false
                        else true
                    end as is_unknown
                from components
                left join
                    {{ ucum_symbols(symbols) }} as known
                    on known.symbol = components.symbol
                    and not components.is_number
            ),

            bases as (
                select
                    unit,
                    base,
                    sum(exponent) as exponent,
                    bool_or(exponent > 0) and bool_or(exponent < 0) as is_ratio
                from
                    (
                        select
                            unit,
                            split_part(part, ':', 1) as base,
                            power * cast(split_part(part, ':', 2) as integer) as exponent
                        from (select unit, power, unnest(string_split(base_units, ' ')) as part from meant)
                    )
                group by unit, base
            ),

            dimensions as (
                select
                    unit,
                    coalesce(
                        string_agg(base || ':' || exponent, ' ' order by base) filter (where exponent <> 0),
                        ''
                    ) as base_units,
                    coalesce(
                        string_agg(base || ':' || exponent, ' ' order by base) filter (
                            where exponent <> 0 and base not in ('g', 'mol', 'eq')
                        ),
                        ''
                    ) as rest_units,
                    coalesce(max(exponent) filter (where base = 'g'), 0) as grams,
                    coalesce(max(exponent) filter (where base = 'mol'), 0) as moles,
                    coalesce(max(exponent) filter (where base = 'eq'), 0) as equivalents,
                    coalesce(
                        bool_or(is_ratio and exponent = 0) filter (where base in ('mol', 'eq')), false
                    ) as is_amount_ratio
                from bases
                group by unit
            ),

            amounts as (
                select
                    unit,
                    product(
                        pow(factor * case when function_name is null then scale_or_one else 1 end, power)
                        order by pos
                    ) as factor,
                    count(*) as n_components,
                    count(function_name) as n_special,
                    max(function_name) as function_name,
                    max(scale) filter (where function_name is not null) as scale,
                    bool_or(function_name is not null and power <> 1) as has_special_power,
                    min(token) filter (where is_unknown) as unknown
                from (select *, coalesce(scale, 1) as scale_or_one from meant)
                group by unit
            ),

            shapes as (
                select unit, {{ shape }} as shape, bool_or(kind = 'x') as is_garbled from kinds group by unit
            ),

            notes as (
                select unit, string_agg(token, '' order by token) as normalised_by
                from kinds
                where kind = 'a' and regexp_matches(token, '[0-9]')
                group by unit
            ),

            final as (
                select
                    given.unit,
                    case
                        when given.unit = ''
                        then null
                        when shapes.is_garbled
                        then 'characters that UCUM does not use'
                        when not regexp_full_match({{ reduced[-1] }}, '/?u([./]u)*')
                        then 'not an expression of the form unit.unit/unit'
                        when amounts.unknown is not null
                        then 'unknown symbol ' || amounts.unknown
                    end as problem,
                    coalesce(amounts.factor, 1) as factor,
                    coalesce(dimensions.base_units, '') as base_units,
                    coalesce(dimensions.rest_units, '') as rest_units,
                    coalesce(dimensions.grams, 0) as grams,
                    coalesce(dimensions.moles, 0) as moles,
                    coalesce(dimensions.equivalents, 0) as equivalents,
                    coalesce(dimensions.is_amount_ratio, false) as is_amount_ratio,
                    amounts.function_name,
                    coalesce(amounts.scale, 1) as scale,
                    coalesce(
                        amounts.n_special > 0 and (amounts.n_components > 1 or has_special_power), false
                    ) as is_special_compound,
                    coalesce(notes.normalised_by, '') as normalised_by
                from given
                left join shapes on shapes.unit = given.unit
                left join amounts on amounts.unit = given.unit
                left join dimensions on dimensions.unit = given.unit
                left join notes on notes.unit = given.unit
            )

        select *
        from final
    )
{%- endmacro %}
