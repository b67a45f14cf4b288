{# One row per procedure: FHIR R4 Procedure. #}
{% macro fhir_procedure() -%}
    {% set resource = fhir_header("Procedure") %}
    {% do resource.update(
        {
            "status": "case when status in ('preparation', 'in-progress', 'not-done', 'on-hold', 'stopped', 'completed') then status else 'unknown' end",
            "code": fhir_code(),
            "subject": fhir_reference("Patient", "person_id"),
            "encounter": fhir_reference("Encounter", "encounter_fact_key"),
            "performedDateTime": "case when event_end_at is null then "
            ~ fhir_time("event_at", "event_precision")
            ~ " end",
            "performedPeriod": "case when event_end_at is not null then " ~ fhir_period() ~ " end",
        }
    ) %}
    {{ fhir_object(resource) }}
{%- endmacro %}
