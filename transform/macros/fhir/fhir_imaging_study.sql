{# One row per imaging study and modality: FHIR R4 ImagingStudy. #}
{% macro fhir_imaging_study() -%}
    {% set resource = fhir_header("ImagingStudy") %}
    {% do resource.update(
        {
            "status": "case when status in ('registered', 'available', 'cancelled') then status else 'unknown' end",
            "modality": "case when category is not null then json_array(json_object('system', 'http://dicom.nema.org/resources/ontology/DCM', 'code', category)) end",
            "subject": fhir_reference("Patient", "person_id"),
            "encounter": fhir_reference("Encounter", "encounter_fact_key"),
            "started": fhir_time("event_at", "event_precision"),
            "numberOfInstances": "cast(value_num as bigint)",
            "description": "value_text",
            "series": "case when code is not null then json_array("
            ~ fhir_object(
                {
                    "uid": "'2.25.' || cast(md5_number(fact_key) as varchar)",
                    "modality": fhir_object(
                        {
                            "system": "'http://dicom.nema.org/resources/ontology/DCM'",
                            "code": "coalesce(category, 'OT')",
                        }
                    ),
                    "bodySite": fhir_object(
                        {"system": "code_uri", "code": "code", "display": "display"}
                    ),
                }
            )
            ~ ") end",
        }
    ) %}
    {{ fhir_object(resource) }}
{%- endmacro %}
