{# Degrees below zero of a temperature scale, in its own degrees: Cel, [degF], [degRe]. Null: no such scale. #}
{% macro ucum_shift(function_name) -%}
    case
        when {{ function_name }} is null
        then 0.0
        else
            case
                {{ function_name }} when 'Cel' then 273.15 when 'degF' then 459.67 when 'degRe' then 218.52
            end
    end
{%- endmacro %}

{# A number of a unit in base units; `unit` names a row of ucum_parsed. #}
{% macro ucum_to_base(value, unit) -%}
    {%- set x = "(" ~ value ~ " * " ~ unit ~ ".scale)" -%}
    {{ unit }}.factor * case
        {{ unit }}.function_name
        when 'Cel'
        then {{ x }} + 273.15
        when 'degF'
        then {{ x }} + 459.67
        when 'degRe'
        then {{ x }} + 218.52
        when 'pH'
        then pow(10, -{{ x }})
        when 'ln'
        then exp({{ x }})
        when 'lg'
        then pow(10, {{ x }})
        when 'lgTimes2'
        then pow(10, {{ x }} / 2)
        when 'ld'
        then pow(2, {{ x }})
        when 'tanTimes100'
        then atan({{ x }} / 100)
        when '100tan'
        then atan({{ x }} / 100)
        when 'sqrt'
        then {{ x }} * {{ x }}
        when 'hpX'
        then pow(10, -{{ x }})
        when 'hpC'
        then pow(100, -{{ x }})
        when 'hpM'
        then pow(1000, -{{ x }})
        when 'hpQ'
        then pow(50000, -{{ x }})
        else case when {{ unit }}.function_name is null then {{ x }} end
    end
{%- endmacro %}

{# A number of base units in a unit; null where a logarithm has no value. #}
{% macro ucum_from_base(value, unit) -%}
    {%- set y = "((" ~ value ~ ") / " ~ unit ~ ".factor)" -%}
    {%- set log = "case when " ~ y ~ " > 0 then ln(" ~ y ~ ") end" -%}
    case
        {{ unit }}.function_name
        when 'Cel'
        then {{ y }} - 273.15
        when 'degF'
        then {{ y }} - 459.67
        when 'degRe'
        then {{ y }} - 218.52
        when 'pH'
        then - ({{ log }}) / ln(10)
        when 'ln'
        then {{ log }}
        when 'lg'
        then ({{ log }}) / ln(10)
        when 'lgTimes2'
        then 2 * ({{ log }}) / ln(10)
        when 'ld'
        then ({{ log }}) / ln(2)
        when 'tanTimes100'
        then 100 * tan({{ y }})
        when '100tan'
        then 100 * tan({{ y }})
        when 'sqrt'
        then case when {{ y }} >= 0 then sqrt({{ y }}) end
        when 'hpX'
        then - ({{ log }}) / ln(10)
        when 'hpC'
        then - ({{ log }}) / ln(100)
        when 'hpM'
        then - ({{ log }}) / ln(1000)
        when 'hpQ'
        then - ({{ log }}) / ln(50000)
        else case when {{ unit }}.function_name is null then {{ y }} end
    end
    / {{ unit }}.scale
{%- endmacro %}

{# 15 digits, which is what doubles hold: 0.01, not 0.010000000000000002. #}
{% macro fifteen_digits(value) -%} cast(printf('%.15g', {{ value }}) as double) {%- endmacro %}
