{# The person had the diagnosis by then, as far as it was known by then. #}
{% macro diagnosed_before(concept, of, event_at, known_at) -%}
    exists (
        select 1
        from diagnoses
        where
            diagnoses.person_id = {{ of }}.person_id
            and diagnoses.variable = '{{ concept }}'
            and diagnoses.event_at <= {{ of }}.{{ event_at }}
            and diagnoses.known_at <= {{ of }}.{{ known_at }}
            and (diagnoses.superseded_at is null or diagnoses.superseded_at > {{ of }}.{{ known_at }})
    )
{%- endmacro %}
