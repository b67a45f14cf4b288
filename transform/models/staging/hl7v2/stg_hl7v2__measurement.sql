-- One row per OBX, repetition of its value and coding. What a result is, is its order, code, sub-id
-- and ordinal: a correction (OBX-11 C) is a new version of it, W and D take it back.
with
    raw as (
        select
            *,
            nullif(value_1, '""') as value_main,
            upper(status) as result_status,
            value_type in ('CE', 'CWE', 'CNE', 'CF', 'IS', 'ID') as is_coded,
            replace(replace(reference_range, '≤', '<='), '≥', '>=') as range_text,
            case
                when value_type = 'SN'
                then case when value_3 is null then concat_ws('', nullif(value_1, '='), value_2) end
                when value_type in ('NM', 'ST', 'TX', 'FT') or value_type is null
                then replace(replace(trim(value_1), '≥', '>='), '≤', '<=')
            end as number_text
        from {{ source("hl7v2", "hl7v2_observation") }}
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

    valued as (
        select
            *,
            coalesce(observed_at_iso, order_observed_at_iso) as event_iso,
            coalesce(observed_at, order_observed_at) as event_text,
            regexp_full_match(
                number_text, '(<=|>=|<|>)?\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?'
            ) as is_number
        from coded
    ),

    final as (
        select
            source as source_system,
            'hl7v2_observation' as source_table,
            concat_ws(
                '|',
                coalesce(
                    order_filler_number,
                    order_placer_number,
                    concat_ws('~', patient_id, order_code, coalesce(event_text, message_time))
                ),
                coalesce(code, code_text, alternate_code),
                sub_id,
                occurrence_no
            ) as source_id,
            case when repetition_no > 1 then cast(repetition_no as varchar) else '' end as component,
            patient_id as source_person_key,
            visit_key as encounter_key,
            code_no,
            coding_system as code_system,
            coding as code,
            coding_text as display,
            case
                when order_section in ('MB', 'MCB', 'MYC', 'PAR', 'VR')
                then 'microbiology'
                when
                    message_code = 'ORU'
                    and coalesce(order_section, 'LAB')
                    in ('LAB', 'CH', 'HM', 'IMM', 'SR', 'TX', 'BG', 'UR', 'BLB')
                then 'laboratory'
                else lower(coalesce(order_section, message_code))
            end as category,
            lower(status) as status,
            coalesce(result_status in ('D', 'W', 'X', 'N'), false) as is_retracted,
            coalesce(result_status in ('C', 'A'), false) as is_revision,
            case
                when is_number then try_cast(regexp_replace(number_text, '^(<=|>=|<|>)\s*', '') as double)
            end as value_num,
            case
                when is_number then nullif(regexp_extract(number_text, '^(<=|>=|<|>)', 1), '')
            end as comparator,
            case
                when is_coded
                then coalesce(value_2, value_main)
                when value_type in ('NM', 'ST', 'TX', 'FT', 'TS', 'DT', 'TM', 'DTM') or value_type is null
                then value_main
                when value_type = 'ED'
                then null
                else nullif(concat_ws(' ', value_main, value_2, value_3, value_4), '')
            end as value_text,
            case when is_coded then {{ hl7v2_system("value_3") }} end as value_code_system,
            case when is_coded then value_main end as value_code,
            nullif(unit, '""') as unit_src,
            coalesce(
                try_cast(
                    regexp_extract(
                        range_text, '^\s*([+-]?\d+\.?\d*)\s*(-|to)\s*[+-]?\d+\.?\d*\s*$', 1
                    ) as double
                ),
                try_cast(regexp_extract(range_text, '^\s*>=?\s*([+-]?\d+\.?\d*)\s*$', 1) as double)
            ) as ref_low,
            coalesce(
                try_cast(
                    regexp_extract(
                        range_text, '^\s*[+-]?\d+\.?\d*\s*(-|to)\s*([+-]?\d+\.?\d*)\s*$', 2
                    ) as double
                ),
                try_cast(regexp_extract(range_text, '^\s*<=?\s*([+-]?\d+\.?\d*)\s*$', 1) as double)
            ) as ref_high,
            event_text,
            {{ time_start("event_iso") }} as event_at,
            cast(null as timestamp) as event_end_at,
            {{ time_precision("event_iso") }} as event_precision,
            {{ time_start("order_reported_at_iso") }} as recorded_at,
            {{ time_precision("order_reported_at_iso") }} as recorded_precision,
            {{ time_start("message_time_iso") }} as updated_at,
            file_id,
            record_no
        from valued
    )

select *
from final
