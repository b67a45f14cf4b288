{# One row per report: FHIR R4 DiagnosticReport. #}
{% macro fhir_diagnostic_report() -%}
    {% set resource = fhir_header("DiagnosticReport") %}
    {% do resource.update(
        {
            "status": "case when status in ('registered', 'partial', 'preliminary', 'final', 'amended', 'corrected', 'appended', 'cancelled') then status else 'unknown' end",
            "category": "case when category is not null then json_array(json_object('coding', json_array(json_object('code', category)))) end",
            "code": "coalesce(" ~ fhir_code() ~ ", json_object('text', 'unknown'))",
            "subject": fhir_reference("Patient", "person_id"),
            "encounter": fhir_reference("Encounter", "encounter_fact_key"),
            "effectiveDateTime": "case when event_end_at is null then "
            ~ fhir_time("event_at", "event_precision")
            ~ " end",
            "effectivePeriod": "case when event_end_at is not null then " ~ fhir_period() ~ " end",
            "issued": "case when known_basis= 'recorded' then " ~ fhir_time("known_at") ~ " end",
            "conclusion": "value_text",
        }
    ) %}
    {{ fhir_object(resource) }}
{%- endmacro %}
