{# The person had the diagnosis when a state was true, as far as it was known when the state was. #}
{% macro diagnosed_before(concept, state) -%}
    exists (
        select 1
        from diagnoses
        where
            diagnoses.person_id = {{ state }}.person_id
            and diagnoses.variable = '{{ concept }}'
            and diagnoses.valid_from <= {{ state }}.valid_from
            and diagnoses.known_from <= {{ state }}.known_from
            and (diagnoses.known_to is null or diagnoses.known_to > {{ state }}.known_from)
    )
{%- endmacro %}
