{# One row per encounter: FHIR R4 Encounter. #}
{% macro fhir_encounter() -%}
    {% set resource = fhir_header("Encounter") %}
    {% do resource.update(
        {
            "status": "case when status in ('planned', 'arrived', 'triaged', 'in-progress', 'onleave', 'finished', 'cancelled') then status else 'unknown' end",
            "class": fhir_object(
                {
                    "system": "case when category is not null then 'http://terminology.hl7.org/CodeSystem/v3-ActCode' end",
                    "code": "coalesce(category, 'unknown')",
                }
            ),
            "type": "case when code is not null or display is not null then json_array("
            ~ fhir_code()
            ~ ") end",
            "subject": fhir_reference("Patient", "person_id"),
            "period": fhir_period(),
        }
    ) %}
    {{ fhir_object(resource) }}
{%- endmacro %}
