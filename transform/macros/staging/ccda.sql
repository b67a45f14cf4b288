{# Statements of a document, with the code that names each (of its first coding) and whether it is negated. #}
{% macro ccda_statements(relation) -%}
    (
        select
            *,
            first_value(coalesce(code, code_text, code_display, code_null)) over (
                partition by file_id, record_no, statement_no order by coding_no
            ) as main_code,
            coalesce(negation = 'true', false) as is_negated
        from {{ relation }}
    )
{%- endmacro %}

{# The status that an observation of its own states (SNOMED CT), else that of the concern; a negated one is none. #}
{% macro ccda_status(observed) -%}
    case
        when is_negated
        then 'negated'
        when {{ observed }} = '55561003'
        then 'active'
        when {{ observed }} = '73425007'
        then 'inactive'
        when {{ observed }} = '413322009'
        then 'resolved'
        else lower(coalesce(concern_status, status))
    end
{%- endmacro %}

{# The document's own identifier, or the patient's, with that of the statement, its code and what else tells it apart. #}
{% macro ccda_source_id(also) -%}
    concat_ws(
        '|',
        coalesce(patient_id, document_id),
        nullif(concat_ws('^', id_extension, id_root), ''),
        main_code
        {{- ", " ~ also if also }}
    )
{%- endmacro %}

{# A staged record of ccda_statements: `given` maps columns to their SQL where the kind of statement has its own, #}
{# `apart` is what tells statements of one identifier and code apart. #}
{% macro ccda_record(
    given,
    apart="start_at",
    event="start_at_iso",
    text="start_at",
    end=none,
    recorded="author_time_iso"
) -%}
    {%- set columns = {
        "source_id": ccda_source_id(apart),
        "source_person_key": "patient_id",
        "code_no": "coding_no",
        "code_system": "code_system",
        "code": "code",
        "display": "coalesce(code_display, code_text)",
        "status": "lower(status)",
        "is_retracted": "is_negated or coalesce(lower(status) in ('nullified', 'cancelled'), false)",
    } -%}
    {{
        staged_record(
            dict(columns, **given),
            event=event,
            text=text,
            end=end,
            recorded=recorded,
            updated="document_time_iso",
        )
    }}
{%- endmacro %}
