{# One row per measurement or answer: FHIR R4 Observation. A panel's parts are Observations of their own. #}
{% macro fhir_observation() -%}
    {% set resource = fhir_header("Observation") %}
    {% do resource.update(
        {
            "status": "case when status in ('registered', 'preliminary', 'final', 'amended', 'corrected', 'cancelled') then status when status is null or status in ('f', 'c', 'observation') then 'final' else 'unknown' end",
            "category": "case when category in ('laboratory', 'vital-signs', 'social-history', 'survey', 'imaging', 'procedure', 'exam', 'therapy', 'activity') then json_array(json_object('coding', json_array(json_object('system', 'http://terminology.hl7.org/CodeSystem/observation-category', 'code', category)))) end",
            "code": fhir_code(),
            "subject": fhir_reference("Patient", "person_id"),
            "encounter": fhir_reference("Encounter", "encounter_fact_key"),
            "effectiveDateTime": "case when event_end_at is null then "
            ~ fhir_time("event_at", "event_precision")
            ~ " end",
            "effectivePeriod": "case when event_end_at is not null then " ~ fhir_period() ~ " end",
            "issued": "case when known_basis= 'recorded' then " ~ fhir_time("known_at") ~ " end",
            "valueQuantity": fhir_object_if(
                "value_num is not null",
                {
                    "value": "value_num",
                    "comparator": "comparator",
                    "unit": "unit_src",
                },
            ),
            "valueString": "case when value_num is null then value_text end",
            "referenceRange": "case when ref_low is not null or ref_high is not null then json_array("
            ~ fhir_object(
                {
                    "low": fhir_object_if(
                        "ref_low is not null", {"value": "ref_low", "unit": "unit_src"}
                    ),
                    "high": fhir_object_if(
                        "ref_high is not null", {"value": "ref_high", "unit": "unit_src"}
                    ),
                }
            )
            ~ ") end",
        }
    ) %}
    {{ fhir_object(resource) }}
{%- endmacro %}
