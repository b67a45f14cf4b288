{# One row per device of a person: FHIR R4 Device. #}
{% macro fhir_device() -%}
    {% set resource = fhir_header("Device") %}
    {% do resource.update(
        {
            "status": "case when status in ('active', 'inactive', 'unknown') then status end",
            "deviceName": "case when value_text is not null then json_array(json_object('name', value_text, 'type', 'user-friendly-name')) end",
            "modelNumber": "value_text",
            "type": fhir_code(),
            "patient": fhir_reference("Patient", "person_id"),
        }
    ) %}
    {{ fhir_object(resource) }}
{%- endmacro %}
