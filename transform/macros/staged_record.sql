{# The columns that every stg_<source>__<entity> has, in their order (README, "Adding a source"). `given` names the SQL #}
{# of those that the source has; the others are null, a whole record in its first coding, and never taken back. #}
{% macro staged_record(given) -%}
    {%- set columns = {
        "source_system": ("varchar", "source"),
        "source_table": ("varchar", none),
        "source_id": ("varchar", none),
        "component": ("varchar", "''"),
        "source_person_key": ("varchar", none),
        "encounter_key": ("varchar", none),
        "code_no": ("bigint", "1"),
        "code_system": ("varchar", none),
        "code": ("varchar", none),
        "display": ("varchar", none),
        "category": ("varchar", none),
        "status": ("varchar", none),
        "is_retracted": ("boolean", "false"),
        "is_revision": ("boolean", "false"),
        "value_num": ("double", none),
        "comparator": ("varchar", none),
        "value_text": ("varchar", none),
        "value_code_system": ("varchar", none),
        "value_code": ("varchar", none),
        "unit_src": ("varchar", none),
        "ref_low": ("double", none),
        "ref_high": ("double", none),
        "event_text": ("varchar", none),
        "event_at": ("timestamp", none),
        "event_end_at": ("timestamp", none),
        "event_precision": ("varchar", none),
        "recorded_at": ("timestamp", none),
        "recorded_precision": ("varchar", none),
        "updated_at": ("timestamp", none),
        "file_id": ("varchar", "file_id"),
        "record_no": ("bigint", "record_no"),
    } -%}
    {%- for name in given if name not in columns -%}
        {{ exceptions.raise_compiler_error("staged records have no column " ~ name) }}
    {%- endfor -%}
    {%- for name, (kind, default) in columns.items() %}
        cast({{ given.get(name, default) or "null" }} as {{ kind }}) as {{ name }}{{ "," if not loop.last }}
    {%- endfor %}
{%- endmacro %}
