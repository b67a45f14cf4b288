{# A staged record of a FHIR resource: `given` maps columns to their SQL where the type of resource has its own. #}
{% macro fhir_record(given, event=none, end=none, recorded=none) -%}
    {%- set columns = {
        "source_id": "id",
        "source_person_key": "patient_id",
        "encounter_key": "encounter_id",
        "code_no": "coding_no",
        "code_system": "code_system",
        "code": "code",
        "display": "code_display",
        "status": "lower(status)",
        "is_retracted": "coalesce(status = 'entered-in-error', false)",
    } -%}
    {{
        staged_record(
            dict(columns, **given), event=event, end=end, recorded=recorded, updated="last_updated"
        )
    }}
{%- endmacro %}
