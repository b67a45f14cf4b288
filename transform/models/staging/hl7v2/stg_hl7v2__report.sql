-- One row per report (OBR that answers an order) or document (TXA) and coding.
with
    told as (
        select
            'hl7v2_report' as source_table,
            concat_ws(
                '|',
                patient_id,
                coalesce(filler_number, placer_number, observed_at),
                coalesce(code, code_text)
            ) as source_id,
            source,
            patient_id,
            visit_key,
            code_system,
            code,
            code_text,
            alternate_system,
            alternate_code,
            alternate_text,
            lower(service_section) as category,
            status,
            coalesce(upper(status) = 'X', false) as is_retracted,
            coalesce(upper(status) = 'C', false) as is_revision,
            observed_at as event_text,
            observed_at_iso as event_iso,
            observed_end_at_iso as end_iso,
            reported_at_iso as recorded_iso,
            message_time_iso,
            file_id,
            record_no
        from {{ source("hl7v2", "hl7v2_report") }}
        where coalesce(message_code not in ('ORM', 'OMG', 'OML', 'OMI', 'ORL', 'ORR'), true)
        union all by name
        select
            'hl7v2_document' as source_table,
            concat_ws('|', patient_id, coalesce(document_number, originated_at), document_type) as source_id,
            source,
            patient_id,
            visit_key,
            'local' as code_system,
            document_type as code,
            document_type_text as code_text,
            'document' as category,
            completion_status as status,
            coalesce(upper(availability_status) = 'CA', false) as is_retracted,
            false as is_revision,
            title,
            coalesce(activity_at, originated_at) as event_text,
            coalesce(activity_at_iso, originated_at_iso) as event_iso,
            coalesce(edited_at_iso, originated_at_iso) as recorded_iso,
            message_time_iso,
            file_id,
            record_no
        from {{ source("hl7v2", "hl7v2_document") }}
    )

select
    {{
        hl7v2_record(
            {
                "source_table": "source_table",
                "source_id": "source_id",
                "category": "category",
                "status": "lower(status)",
                "is_retracted": "is_retracted",
                "is_revision": "is_revision",
                "value_text": "title",
            },
            event="event_iso",
            text="event_text",
            end="end_iso",
            recorded="recorded_iso",
        )
    }}
from {{ hl7v2_coded("told") }}
