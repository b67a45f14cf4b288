{# One row per prescription: FHIR R4 MedicationRequest. #}
{% macro fhir_medication_request() -%}
    {% set resource = fhir_header("MedicationRequest") %}
    {% do resource.update(
        {
            "status": "case when status in ('active', 'on-hold', 'cancelled', 'completed', 'stopped', 'draft') then status else 'unknown' end",
            "intent": "case when category in ('proposal', 'plan', 'order', 'original-order', 'reflex-order', 'filler-order', 'instance-order', 'option') then category else 'order' end",
            "medicationCodeableConcept": "coalesce("
            ~ fhir_code()
            ~ ", json_object('text', 'unknown'))",
            "subject": fhir_reference("Patient", "person_id"),
            "encounter": fhir_reference("Encounter", "encounter_fact_key"),
            "authoredOn": "case when known_basis= 'recorded' then "
            ~ fhir_time("known_at")
            ~ " end",
            "dosageInstruction": "case when value_text is not null or value_num is not null then json_array("
            ~ fhir_object(
                {
                    "text": "value_text",
                    "doseAndRate": "case when value_num is not null then json_array(json_object('doseQuantity', "
                    ~ fhir_object({"value": "value_num", "unit": "unit_src"})
                    ~ ")) end",
                }
            )
            ~ ") end",
            "dispenseRequest": fhir_object_if(
                "event_at is not null or event_end_at is not null", {"validityPeriod": fhir_period()}
            ),
        }
    ) %}
    {{ fhir_object(resource) }}
{%- endmacro %}
