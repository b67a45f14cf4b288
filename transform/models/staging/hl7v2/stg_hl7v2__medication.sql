-- One row per order, encoded order, dispense or administration of a drug and coding. An order that is
-- cancelled is taken back, one that is discontinued ends.
with
    raw as (select * from {{ source("hl7v2", "hl7v2_medication") }}),

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
            end as end_iso
        from coded
    ),

    final as (
        select
            source as source_system,
            'hl7v2_medication' as source_table,
            concat_ws(
                '|',
                segment_name,
                patient_id,
                coalesce(placer_number, filler_number, prescription_number, start_at, timing_start),
                coalesce(code, code_text, alternate_code)
            ) as source_id,
            '' as component,
            patient_id as source_person_key,
            visit_key as encounter_key,
            code_no,
            coding_system as code_system,
            coding as code,
            coding_text as display,
            case
                segment_name when 'RXD' then 'dispense' when 'RXA' then 'administration' else 'order'
            end as category,
            case
                when is_stopped then 'stopped' else lower(coalesce(completion_status, order_control))
            end as status,
            coalesce(
                upper(action_code) = 'D' or upper(order_control) in ('CA', 'OC', 'CR'), false
            ) as is_retracted,
            false as is_revision,
            try_cast(amount as double) as value_num,
            cast(null as varchar) as comparator,
            route as value_text,
            cast(null as varchar) as value_code_system,
            cast(null as varchar) as value_code,
            unit as unit_src,
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
        from timed
    )

select *
from final
