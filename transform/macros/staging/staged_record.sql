{# The columns that every stg_<source>__<entity> has, in their order (README, "Adding a source"). `given` maps those that #}
{# the source has to their SQL; the others are null, a whole record in its first coding, and never taken back. `event`, #}
{# `end`, `recorded` and `updated` name columns with a time as written in ISO form, `text` the one with the event's own. #}
{% macro staged_record(given, event=none, text=none, end=none, recorded=none, updated=none) -%}
    {%- set shape = {
        "source_system": "varchar",
        "source_table": "varchar",
        "source_id": "varchar",
        "component": "varchar",
        "source_person_key": "varchar",
        "encounter_key": "varchar",
        "code_no": "bigint",
        "code_system": "varchar",
        "code": "varchar",
        "display": "varchar",
        "category": "varchar",
        "status": "varchar",
        "is_retracted": "boolean",
        "is_revision": "boolean",
        "value_num": "double",
        "comparator": "varchar",
        "value_text": "varchar",
        "value_code_system": "varchar",
        "value_code": "varchar",
        "unit_src": "varchar",
        "ref_low": "double",
        "ref_high": "double",
        "event_text": "varchar",
        "event_at": "timestamp",
        "event_end_at": "timestamp",
        "event_precision": "varchar",
        "recorded_at": "timestamp",
        "recorded_precision": "varchar",
        "updated_at": "timestamp",
        "file_id": "varchar",
        "record_no": "bigint",
    } -%}
    {%- set columns = {
        "source_system": "source",
        "component": "''",
        "code_no": "1",
        "is_retracted": "false",
        "is_revision": "false",
        "event_text": text or event,
        "event_at": time_start(event) if event,
        "event_end_at": time_end(end) if end,
        "event_precision": time_precision(event) if event,
        "recorded_at": time_start(recorded) if recorded,
        "recorded_precision": time_precision(recorded) if recorded,
        "updated_at": time_start(updated) if updated,
        "file_id": "file_id",
        "record_no": "record_no",
    } -%}
    {{ staged(shape, dict(columns, **given)) }}
{%- endmacro %}

{# The same for a source whose times are timestamps: `event` and `recorded` name them. #}
{% macro typed_record(given, event=none, recorded=none) -%}
    {%- set columns = {
        "event_text": event,
        "event_at": event,
        "event_precision": "case when " ~ event ~ " is not null then 'second' end" if event,
        "recorded_at": recorded,
        "recorded_precision": "case when " ~ recorded ~ " is not null then 'second' end" if recorded,
    } -%}
    {{ staged_record(dict(columns, **given)) }}
{%- endmacro %}

{# The columns that every stg_<source>__person has, in their order. Most sources know the record number only. #}
{% macro staged_person(given) -%}
    {%- set shape = {
        "source_system": "varchar",
        "source_table": "varchar",
        "source_person_key": "varchar",
        "id_type": "varchar",
        "mrn": "varchar",
        "mrn_system": "varchar",
        "national_id": "varchar",
        "other_system": "varchar",
        "other_key": "varchar",
        "family": "varchar",
        "given": "varchar",
        "birth_date": "date",
        "birth_date_text": "varchar",
        "sex": "varchar",
        "death_at": "timestamp",
        "is_deceased": "boolean",
        "phone": "varchar",
        "email": "varchar",
        "address_line": "varchar",
        "city": "varchar",
        "postal_code": "varchar",
        "replaced_by": "varchar",
        "is_active": "boolean",
        "updated_at": "timestamp",
        "file_id": "varchar",
        "record_no": "bigint",
    } -%}
    {%- set columns = {
        "source_system": "source",
        "id_type": "'mrn'",
        "file_id": "file_id",
        "record_no": "record_no",
    } -%}
    {{ staged(shape, dict(columns, **given)) }}
{%- endmacro %}

{# Columns of a given shape, each with its type; those without SQL are null. #}
{% macro staged(shape, given) -%}
    {%- for name in given if name not in shape -%}
        {{ exceptions.raise_compiler_error("this kind of staging model has no column " ~ name) }}
    {%- endfor -%}
    {%- for name, kind in shape.items() %}
        cast({{ given.get(name) or "null" }} as {{ kind }}) as {{ name }}{{ "," if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{# Administrative sex, from a letter or a word. #}
{% macro administrative_sex(text) -%}
    case
        when lower({{ text }}) in ('male', 'm')
        then 'male'
        when lower({{ text }}) in ('female', 'f')
        then 'female'
        else 'unknown'
    end
{%- endmacro %}
