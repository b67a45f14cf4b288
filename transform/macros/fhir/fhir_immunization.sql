{# One row per vaccination: FHIR R4 Immunization. #}
{% macro fhir_immunization() -%}
    {% set resource = fhir_header("Immunization") %}
    {% do resource.update(
        {
            "status": "case when status in ('completed', 'not-done') then status else 'completed' end",
            "vaccineCode": "coalesce(" ~ fhir_code() ~ ", json_object('text', 'unknown'))",
            "patient": fhir_reference("Patient", "person_id"),
            "encounter": fhir_reference("Encounter", "encounter_fact_key"),
            "occurrenceDateTime": fhir_time("event_at", "event_precision"),
            "occurrenceString": "case when event_at is null then 'unknown' end",
            "recorded": "case when known_basis= 'recorded' then " ~ fhir_time("known_at") ~ " end",
        }
    ) %}
    {{ fhir_object(resource) }}
{%- endmacro %}
