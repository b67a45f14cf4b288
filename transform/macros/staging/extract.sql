{# A staged record of an extract of measurements: `given` maps columns to their SQL where the kind of extract has its own. #}
{% macro extract_measurement(given, event, recorded) -%}
    {%- set columns = {
        "source_id": "coalesce(result_id, md5(concat_ws('|', patient_id, code, coalesce("
        ~ event
        ~ ", timestamp '1900-01-01'), name)))",
        "source_person_key": "patient_id",
        "encounter_key": "encounter_id",
        "code_system": "code_system",
        "code": "code",
        "display": "name",
        "status": "lower(status)",
        "is_retracted": "coalesce(upper(status) in ('X', 'D', 'W', 'CANCELLED', 'ENTERED-IN-ERROR'), false)",
        "is_revision": "coalesce(upper(status) in ('C', 'CORRECTED', 'AMENDED'), false)",
        "value_num": "value_num",
        "value_text": "value_text",
        "unit_src": "unit",
        "updated_at": recorded,
    } -%}
    {{ typed_record(dict(columns, **given), event=event, recorded=recorded) }}
{%- endmacro %}
