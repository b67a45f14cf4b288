-- One row per OBX, repetition of its value and coding. What a result is, is its order, code, sub-id
-- and ordinal: a correction (OBX-11 C) is a new version of it, W and D take it back.
with
    valued as (
        select
            *,
            coalesce(observed_at_iso, order_observed_at_iso) as event_iso,
            coalesce(observed_at, order_observed_at) as event_text,
            nullif(value_1, '""') as value_main,
            upper(status) as result_status,
            value_type in ('CE', 'CWE', 'CNE', 'CF', 'IS', 'ID') as is_coded,
            replace(replace(reference_range, '≤', '<='), '≥', '>=') as range_text,
            case
                when value_type = 'SN'
                then case when value_3 is null then concat_ws('', nullif(value_1, '='), value_2) end
                when value_type in ('NM', 'ST', 'TX', 'FT') or value_type is null
                then replace(replace(trim(value_1), '≥', '>='), '≤', '<=')
            end as number_text,
            regexp_full_match(
                number_text, '(<=|>=|<|>)?\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?'
            ) as is_number
        from {{ hl7v2_coded(source("hl7v2", "hl7v2_observation")) }}
    ),

    judged as (
        select
            *,
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
            case
                when is_coded
                then coalesce(value_2, value_main)
                when value_type in ('NM', 'ST', 'TX', 'FT', 'TS', 'DT', 'TM', 'DTM') or value_type is null
                then value_main
                when value_type = 'ED'
                then null
                else nullif(concat_ws(' ', value_main, value_2, value_3, value_4), '')
            end as value_text,
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
            ) as ref_high
        from valued
    )

select
    {{
        hl7v2_record(
            {
                "source_table": "'hl7v2_observation'",
                "source_id": "source_id",
                "component": "case when repetition_no > 1 then cast(repetition_no as varchar) else '' end",
                "category": "category",
                "status": "lower(status)",
                "is_retracted": "coalesce(result_status in ('D', 'W', 'X', 'N'), false)",
                "is_revision": "coalesce(result_status in ('C', 'A'), false)",
                "value_num": "case when is_number then try_cast(regexp_replace(number_text, '^(<=|>=|<|>)\\s*', '') as double) end",
                "comparator": "case when is_number then nullif(regexp_extract(number_text, '^(<=|>=|<|>)', 1), '') end",
                "value_text": "value_text",
                "value_code_system": "case when is_coded then " ~ hl7v2_system("value_3") ~ " end",
                "value_code": "case when is_coded then value_main end",
                "unit_src": "nullif(unit, '\"\"')",
                "ref_low": "ref_low",
                "ref_high": "ref_high",
            },
            event="event_iso",
            text="event_text",
            recorded="order_reported_at_iso",
        )
    }}
from judged
