{# One row per allergy: FHIR R4 AllergyIntolerance. #}
{% macro fhir_allergy_intolerance() -%}
    {% set resource = fhir_header("AllergyIntolerance") %}
    {% do resource.update(
        {
            "clinicalStatus": "case when status in ('active', 'inactive', 'resolved') then json_object('coding', json_array(json_object('system', 'http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical', 'code', status))) end",
            "category": "case when category in ('food', 'medication', 'environment', 'biologic') then [category] end",
            "criticality": "case when value_text in ('low', 'high', 'unable-to-assess') then value_text end",
            "code": fhir_code(),
            "patient": fhir_reference("Patient", "person_id"),
            "onsetDateTime": fhir_time("event_at", "event_precision"),
            "recordedDate": "case when known_basis= 'recorded' then "
            ~ fhir_time("known_at")
            ~ " end",
        }
    ) %}
    {{ fhir_object(resource) }}
{%- endmacro %}
