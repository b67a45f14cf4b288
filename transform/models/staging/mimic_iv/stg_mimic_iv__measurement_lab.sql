-- One row per copy of a laboratory result and coding, known when it was stored. Results that are words stand
-- in `value` or, where that is empty or masked (`___`), in `comments`.
with
    results as (
        select
            *,
            coalesce(
                valuenum,
                try_cast(
                    nullif(
                        regexp_extract(value, '^\s*(?:<=|>=|<|>)\s*([0-9]+\.?[0-9]*)\s*$', 1), ''
                    ) as double
                )
            ) as value_num,
            nullif(regexp_extract(value, '^\s*(<=|>=|<|>)\s*[0-9]', 1), '') as comparator,
            case
                when valuenum is null then coalesce(nullif(trim(value), '___'), nullif(trim(comments), '___'))
            end as value_text
        from {{ mimic_iv_coded("mimic_iv_labevents", "mimic_iv_d_labitems") }}
    )

select
    {{
        mimic_iv_record(
            {
                "source_table": "'mimic_iv_labevents'",
                "source_id": "labevent_id",
                "encounter_key": "hadm_id",
                "code_no": "code_no",
                "code_system": "code_system",
                "code": "code",
                "display": "label",
                "category": "'laboratory'",
                "status": "'final'",
                "value_num": "value_num",
                "comparator": "comparator",
                "value_text": "value_text",
                "unit_src": "nullif(nullif(trim(valueuom), ''), 'N/A')",
                "ref_low": "ref_range_lower",
                "ref_high": "ref_range_upper",
            },
            event="charttime",
            recorded="storetime",
        )
    }}
from results
