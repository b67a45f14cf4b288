-- One row per order for a service (OBR of an order message) or appointment (SCH) and coding. An
-- appointment that is cancelled, deleted or missed is taken back.
with
    asked as (
        select
            'hl7v2_report' as source_table,
            concat_ws(
                '|', patient_id, coalesce(placer_number, filler_number), coalesce(code, code_text)
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
            'service' as category,
            order_control as status,
            coalesce(upper(order_control) in ('CA', 'OC', 'CR'), false) as is_retracted,
            coalesce(requested_at, observed_at) as event_text,
            coalesce(requested_at_iso, observed_at_iso) as event_iso,
            message_time_iso,
            file_id,
            record_no
        from {{ source("hl7v2", "hl7v2_report") }}
        where message_code in ('ORM', 'OMG', 'OML', 'OMI', 'ORL', 'ORR')
        union all by name
        select
            'hl7v2_appointment' as source_table,
            concat_ws('|', patient_id, coalesce(filler_number, placer_number)) as source_id,
            source,
            patient_id,
            visit_key,
            'local' as code_system,
            appointment_type as code,
            reason as code_text,
            'appointment' as category,
            case
                when trigger_event in ('S15', 'S17')
                then 'cancelled'
                when trigger_event = 'S26'
                then 'noshow'
                else coalesce(status, 'booked')
            end as status,
            coalesce(trigger_event in ('S15', 'S17', 'S26'), false) as is_retracted,
            reason as value_text,
            coalesce(start_at, timing_start, resource_start) as event_text,
            coalesce(start_at_iso, timing_start_iso, resource_start_iso) as event_iso,
            coalesce(end_at_iso, timing_end_iso) as end_iso,
            message_time_iso,
            file_id,
            record_no
        from {{ source("hl7v2", "hl7v2_appointment") }}
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
                "value_text": "value_text",
            },
            event="event_iso",
            text="event_text",
            end="end_iso",
        )
    }}
from {{ hl7v2_coded("asked") }}
