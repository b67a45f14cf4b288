{# One row per condition of a relative: FHIR R4 FamilyMemberHistory. #}
{% macro fhir_family_member_history() -%}
    {% set resource = fhir_header("FamilyMemberHistory") %}
    {% do resource.update(
        {
            "status": "case when status in ('partial', 'completed', 'health-unknown') then status else 'completed' end",
            "patient": fhir_reference("Patient", "person_id"),
            "date": fhir_time("event_at", "event_precision"),
            "relationship": fhir_object(
                {
                    "coding": "case when category is not null then json_array("
                    ~ fhir_object(
                        {
                            "system": "'http://terminology.hl7.org/CodeSystem/v3-RoleCode'",
                            "code": "category",
                            "display": "value_text",
                        }
                    )
                    ~ ") end",
                    "text": "case when category is null then coalesce(value_text, 'unknown') end",
                }
            ),
            "condition": "case when code is not null or display is not null then json_array("
            ~ fhir_object(
                {
                    "code": fhir_code(),
                    "onsetAge": fhir_object_if(
                        "value_num is not null",
                        {
                            "value": "value_num",
                            "unit": "'a'",
                            "system": "'http://unitsofmeasure.org'",
                            "code": "'a'",
                        },
                    ),
                }
            )
            ~ ") end",
        }
    ) %}
    {{ fhir_object(resource) }}
{%- endmacro %}
