{# The identifier of an issuer as FHIR writes it: an OID becomes a URN, anything else stays. #}
{% macro hl7_issuer(text) -%}
    case when regexp_full_match({{ text }}, '[0-2](\.\d+)+') then 'urn:oid:' || {{ text }} else {{ text }} end
{%- endmacro %}

{# A code system as HL7 v2 names it: local tables and tables of a site are codes of the source only (table 0396). #}
{% macro hl7v2_system(text) -%}
    case
        when upper({{ text }}) = 'L' or regexp_full_match(upper({{ text }}), '99[A-Z0-9]*|L[0-9]{1,3}')
        then 'local'
        else {{ text }}
    end
{%- endmacro %}

{# One row per record and coding: its code, then its alternate. `text` is what the first one is called. #}
{% macro hl7v2_coded(relation, text="coalesce(code_text, alternate_text)") -%}
    (
        select
            records.*,
            codings.code_no,
            case when codings.code_no = 1 then code_system else alternate_system end as system_text,
            {{ hl7v2_system("system_text") }} as coding_system,
            case when codings.code_no = 1 then code else alternate_code end as coding,
            case when codings.code_no = 1 then {{ text }} else alternate_text end as coding_text
        from {{ relation }} as records
        inner join
            (select unnest([1, 2]) as code_no) as codings
            on codings.code_no = 1
            or records.alternate_code is not null
    )
{%- endmacro %}

{# A staged record of hl7v2_coded: `given` maps columns to their SQL where the kind of segment has its own. #}
{% macro hl7v2_record(given, event, text, end=none, recorded=none) -%}
    {%- set columns = {
        "source_person_key": "patient_id",
        "encounter_key": "visit_key",
        "code_no": "code_no",
        "code_system": "coding_system",
        "code": "coding",
        "display": "coding_text",
    } -%}
    {{
        staged_record(
            dict(columns, **given),
            event=event,
            text=text,
            end=end,
            recorded=recorded,
            updated="message_time_iso",
        )
    }}
{%- endmacro %}

{# The day of a time in ISO form; null unless it names one. #}
{% macro hl7_date(iso) -%}
    case when {{ time_precision(iso) }} in ('day', 'second') then try_cast(left({{ iso }}, 10) as date) end
{%- endmacro %}

{# A staged record of RXA, given or refused. `9999` is what senders write who have no order number. #}
{% macro hl7v2_vaccination(given) -%}
    {%- set columns = {
        "source_table": "'hl7v2_immunization'",
        "source_id": "concat_ws('|', patient_id, coalesce(nullif(filler_number, '9999'), nullif(placer_number, '9999'), start_at), coalesce(code, code_text, alternate_code))",
        "status": "lower(completion_status)",
        "is_retracted": "coalesce(upper(action_code) = 'D' or upper(order_control) in ('CA', 'OC'), false)",
    } -%}
    {{
        hl7v2_record(
            dict(columns, **given),
            event="start_at_iso",
            text="start_at",
            recorded="recorded_at_iso",
        )
    }}
{%- endmacro %}
