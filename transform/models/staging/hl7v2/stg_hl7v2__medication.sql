-- One row per order, encoded order, dispense or administration of a drug and coding. An order that is
-- cancelled is taken back, one that is discontinued ends.
with
    timed as (
        select
            *,
            upper(order_control) in ('DC', 'OD') as is_stopped,
            coalesce(start_at_iso, timing_start_iso, ordered_at_iso) as event_iso,
            coalesce(start_at, timing_start, ordered_at) as event_text,
            case
                when is_stopped
                then coalesce(ordered_at_iso, message_time_iso)
                else coalesce(end_at_iso, timing_end_iso)
            end as end_iso,
            concat_ws(
                '|',
                segment_name,
                patient_id,
                coalesce(placer_number, filler_number, prescription_number, start_at, timing_start),
                coalesce(code, code_text, alternate_code)
            ) as source_id
        from {{ hl7v2_coded(source("hl7v2", "hl7v2_medication")) }}
    )

select
    {{
        hl7v2_record(
            {
                "source_table": "'hl7v2_medication'",
                "source_id": "source_id",
                "category": "case segment_name when 'RXD' then 'dispense' when 'RXA' then 'administration' else 'order' end",
                "status": "case when is_stopped then 'stopped' else lower(coalesce(completion_status, order_control)) end",
                "is_retracted": "coalesce(upper(action_code) = 'D' or upper(order_control) in ('CA', 'OC', 'CR'), false)",
                "value_num": "try_cast(amount as double)",
                "value_text": "route",
                "unit_src": "unit",
            },
            event="event_iso",
            text="event_text",
            end="end_iso",
        )
    }}
from timed
