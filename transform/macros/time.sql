{# Times as written in FHIR and its relatives: `2020`, `2020-05`, `2020-05-03`, `2020-05-03T10:00:00+02:00`.
   All macros take an expression of type varchar and yield null for what is not such a time. #}
{# year, month, day, minute or second. https://hl7.org/fhir/R4/datatypes.html#dateTime #}
{% macro time_precision(text) -%}
    case
        when {{ text }} is null
        then null
        when regexp_full_match({{ text }}, '\d{4}')
        then 'year'
        when regexp_full_match({{ text }}, '\d{4}-\d{2}')
        then 'month'
        when regexp_full_match({{ text }}, '\d{4}-\d{2}-\d{2}')
        then 'day'
        when
            regexp_full_match(
                {{ text }}, '\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?'
            )
        then 'second'
    end
{%- endmacro %}

{# First moment of the time as written, in UTC. A time without an offset is taken as UTC: staging keeps the text. #}
{% macro time_start(text) -%}
    case
        {{ time_precision(text) }}
        when 'year'
        then try_cast({{ text }} || '-01-01' as timestamp)
        when 'month'
        then try_cast({{ text }} || '-01' as timestamp)
        when 'day'
        then try_cast({{ text }} as timestamp)
        when 'second'
        then
            case
                when regexp_matches({{ text }}, '(Z|[+-]\d{2}:?\d{2})$')
                then
                    cast(
                        try_cast(regexp_replace({{ text }}, '([+-]\d{2})(\d{2})$', '\1:\2') as timestamptz)
                        at time zone 'UTC' as timestamp
                    )
                else try_cast({{ text }} as timestamp)
            end
    end
{%- endmacro %}

{# First moment after the time as written, for dates of any precision; a full time is its own end. #}
{% macro time_end(text) -%}
    case
        {{ time_precision(text) }}
        when 'year'
        then {{ time_start(text) }} + interval 1 year
        when 'month'
        then {{ time_start(text) }} + interval 1 month
        when 'day'
        then {{ time_start(text) }} + interval 1 day
        else {{ time_start(text) }}
    end
{%- endmacro %}

{# First moment after a time of a given precision. #}
{% macro period_end(time, precision) -%}
    case
        {{ precision }}
        when 'year'
        then {{ time }} + interval 1 year
        when 'month'
        then {{ time }} + interval 1 month
        when 'day'
        then {{ time }} + interval 1 day
        else {{ time }}
    end
{%- endmacro %}

{# Whole years from one date to another, as ages are counted. #}
{% macro years_between(start, end) -%}
    extract(year from {{ end }})
    - extract(year from {{ start }})
    - case
        when
            extract(month from {{ end }}) * 100 + extract(day from {{ end }})
            < extract(month from {{ start }}) * 100 + extract(day from {{ start }})
        then 1
        else 0
    end
{%- endmacro %}
