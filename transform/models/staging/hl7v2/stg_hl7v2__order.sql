-- One row per order for a service (OBR of an order message) or appointment (SCH) and coding. An
-- appointment that is cancelled, deleted or missed is taken back.
with
    orders as (
        select *
        from {{ source("hl7v2", "hl7v2_report") }}
        where message_code in ('ORM', 'OMG', 'OML', 'OMI', 'ORL', 'ORR')
    ),

    appointments as (
        select
            *,
            coalesce(start_at, timing_start, resource_start) as begins_at,
            coalesce(start_at_iso, timing_start_iso, resource_start_iso) as begins_at_iso
        from {{ source("hl7v2", "hl7v2_appointment") }}
    ),

    raw as (
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
            cast(null as varchar) as value_text,
            coalesce(requested_at, observed_at) as event_text,
            coalesce(requested_at_iso, observed_at_iso) as event_iso,
            cast(null as varchar) as end_iso,
            message_time_iso,
            file_id,
            record_no
        from orders
        union all
        select
            'hl7v2_appointment',
            concat_ws('|', patient_id, coalesce(filler_number, placer_number)),
            source,
            patient_id,
            visit_key,
            'local',
            appointment_type,
            reason,
            null,
            null,
            null,
            'appointment',
            case
                when trigger_event in ('S15', 'S17')
                then 'cancelled'
                when trigger_event = 'S26'
                then 'noshow'
                else coalesce(status, 'booked')
            end,
            coalesce(trigger_event in ('S15', 'S17', 'S26'), false),
            reason,
            begins_at,
            begins_at_iso,
            coalesce(end_at_iso, timing_end_iso),
            message_time_iso,
            file_id,
            record_no
        from appointments
    ),

    -- the code, then its alternate
    codings as (select unnest([1, 2]) as code_no),

    coded as (
        select
            raw.*,
            cast(codings.code_no as bigint) as code_no,
            case when codings.code_no = 1 then raw.code_system else raw.alternate_system end as system_text,
            {{ hl7v2_system("system_text") }} as coding_system,
            case when codings.code_no = 1 then raw.code else raw.alternate_code end as coding,
            case
                when codings.code_no = 1
                then coalesce(raw.code_text, raw.alternate_text)
                else raw.alternate_text
            end as coding_text
        from raw
        inner join codings on codings.code_no = 1 or raw.alternate_code is not null
    ),

    final as (
        select
            source as source_system,
            source_table,
            source_id,
            '' as component,
            patient_id as source_person_key,
            visit_key as encounter_key,
            code_no,
            coding_system as code_system,
            coding as code,
            coding_text as display,
            category,
            lower(status) as status,
            is_retracted,
            false as is_revision,
            cast(null as double) as value_num,
            cast(null as varchar) as comparator,
            value_text,
            cast(null as varchar) as value_code_system,
            cast(null as varchar) as value_code,
            cast(null as varchar) as unit_src,
            cast(null as double) as ref_low,
            cast(null as double) as ref_high,
            event_text,
            {{ time_start("event_iso") }} as event_at,
            {{ time_end("end_iso") }} as event_end_at,
            {{ time_precision("event_iso") }} as event_precision,
            cast(null as timestamp) as recorded_at,
            cast(null as varchar) as recorded_precision,
            {{ time_start("message_time_iso") }} as updated_at,
            file_id,
            record_no
        from coded
    )

select *
from final
