{# Age in years at a moment; where only the year of birth is known, as if born in its middle. #}
{% macro age_at(person, moment) -%}
    (
        date_diff(
            'day',
            coalesce({{ person }}.birth_date, make_date({{ person }}.birth_year, 7, 1)),
            cast({{ moment }} as date)
        )
        / 365.25
    )
{%- endmacro %}
