{# What the quality measures share. Encounters of these value sets within a period, with the person's birth date. #}
{% macro quality_encounters(value_sets) -%}
    (
        select facts.*, periods.period_start, periods.period_end, people.birth_date
        from {{ ref("int_quality__fact") }} as facts
        inner join
            {{ ref("int_quality__period") }} as periods
            on facts.start_date >= periods.period_start
            and facts.end_date <= periods.period_end
        inner join {{ ref("twin_person") }} as people on people.person_id = facts.person_id
        where facts.domain = 'encounter' and facts.value_set in ('{{ value_sets | join("', '") }}')
    )
{%- endmacro %}

{# People seen in a period, with their age at its end: the visits that most measures of chronic disease count. #}
{% macro quality_people_seen(value_sets) -%}
    {%- set visits = [
        "office_visit",
        "annual_wellness_visit",
        "preventive_visit_established",
        "preventive_visit_initial",
        "home_healthcare_services",
        "telephone_visit",
    ] -%}
    (
        select distinct
            person_id, period_start, period_end, {{ years_between("birth_date", "period_end") }} as age_years
        from {{ quality_encounters(visits + value_sets) }}
        where {{ quality_took_place("status") }}
    )
{%- endmacro %}

{# An encounter that is not only planned or cancelled. #}
{% macro quality_took_place(status) -%}
    {{ status }} in ('finished', 'arrived', 'triaged', 'in-progress', 'onleave')
{%- endmacro %}

{# A result that stands. #}
{% macro quality_is_result(status) -%} {{ status }} in ('final', 'amended', 'corrected') {%- endmacro %}

{# The shared reasons for leaving a person out, as one list per person and period. #}
{% macro quality_exclusions(reasons=none) -%}
    (
        select person_id, period_start, list(reason order by reason) as reasons
        from {{ ref("int_quality__exclusion") }}
        {% if reasons %} where reason in ('{{ reasons | join("', '") }}') {% endif %}
        group by person_id, period_start
    )
{%- endmacro %}

{# Reasons that leave an adult out, of `exclusions.reasons` and age_years; `also` maps a measure's own to their SQL. #}
{% macro quality_reasons(also) -%}
    {%- set reasons = {
        "hospice": "list_contains(exclusions.reasons, 'hospice')",
        "palliative_care": "list_contains(exclusions.reasons, 'palliative_care')",
        "nursing_home": "age_years >= 66 and list_contains(exclusions.reasons, 'nursing_home')",
    } -%}
    list_filter(
        [
            {%- for reason, holds in dict(reasons, **also).items() %}
                case when {{ holds }} then '{{ reason }}' end {{- "," if not loop.last }}
            {%- endfor %}
        ],
        lambda reason:reason is not null
    )
{%- endmacro %}

{# One row per person and period of `judged`, in the columns that all measures have. #}
{% macro quality_result(measure, is_numerator="is_numerator", is_exception="false") -%}
    select
        '{{ measure }}' as measure,
        period_start,
        person_id,
        '' as episode,
        len(reasons) > 0 as is_excluded,
        {{ is_exception }} as is_exception,
        {{ is_numerator }} as is_numerator,
        array_to_string(reasons, ',') as exclusions
    from judged
{%- endmacro %}

{# Whether a person and period stand in a relation. #}
{% macro quality_is_in(relation) -%}
    (person_id, period_start) in (select (person_id, period_start) from {{ relation }})
{%- endmacro %}
