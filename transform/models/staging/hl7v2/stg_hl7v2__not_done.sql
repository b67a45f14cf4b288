-- One row per vaccination that was refused or not given (RXA-20 RE, NA) and coding, with the reason
-- (RXA-18).
with
    raw as (select * from {{ source("hl7v2", "hl7v2_immunization") }}),

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
            'hl7v2_immunization' as source_table,
            concat_ws(
                '|',
                patient_id,
                coalesce(nullif(filler_number, '9999'), nullif(placer_number, '9999'), start_at),
                coalesce(code, code_text, alternate_code)
            ) as source_id,
            '' as component,
            patient_id as source_person_key,
            visit_key as encounter_key,
            code_no,
            coding_system as code_system,
            coding as code,
            coding_text as display,
            'immunization' as category,
            lower(completion_status) as status,
            coalesce(upper(action_code) = 'D' or upper(order_control) in ('CA', 'OC'), false) as is_retracted,
            false as is_revision,
            cast(null as double) as value_num,
            cast(null as varchar) as comparator,
            cast(null as varchar) as value_text,
            cast(null as varchar) as value_code_system,
            refusal_code as value_code,
            cast(null as varchar) as unit_src,
            cast(null as double) as ref_low,
            cast(null as double) as ref_high,
            start_at as event_text,
            {{ time_start("start_at_iso") }} as event_at,
            cast(null as timestamp) as event_end_at,
            {{ time_precision("start_at_iso") }} as event_precision,
            {{ time_start("recorded_at_iso") }} as recorded_at,
            {{ time_precision("recorded_at_iso") }} as recorded_precision,
            {{ time_start("message_time_iso") }} as updated_at,
            file_id,
            record_no
        from coded
        where upper(completion_status) in ('RE', 'NA')
    )

select *
from final
