{# One row per condition: FHIR R4 Condition. #}
{% macro fhir_condition() -%}
    {% set resource = fhir_header("Condition") %}
    {% do resource.update(
        {
            "clinicalStatus": "case when status in ('active', 'recurrence', 'relapse', 'inactive', 'remission', 'resolved') then json_object('coding', json_array(json_object('system', 'http://terminology.hl7.org/CodeSystem/condition-clinical', 'code', status))) end",
            "category": "case when category in ('problem-list-item', 'encounter-diagnosis') then json_array(json_object('coding', json_array(json_object('system', 'http://terminology.hl7.org/CodeSystem/condition-category', 'code', category)))) end",
            "code": fhir_code(),
            "subject": fhir_reference("Patient", "person_id"),
            "encounter": fhir_reference("Encounter", "encounter_fact_key"),
            "onsetDateTime": fhir_time("event_at", "event_precision"),
            "abatementDateTime": fhir_time("event_end_at"),
            "recordedDate": "case when known_basis= 'recorded' then "
            ~ fhir_time("known_at")
            ~ " end",
        }
    ) %}
    {{ fhir_object(resource) }}
{%- endmacro %}
