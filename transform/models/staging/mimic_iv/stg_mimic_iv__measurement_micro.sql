-- One row per copy of a microbiology result: a test, an organism it grew, or an antibiotic tested against it.
-- Half of the cultures are known days after the specimen was taken.
select
    {{
        mimic_iv_record(
            {
                "source_table": "'mimic_iv_microbiologyevents'",
                "source_id": "microevent_id",
                "encounter_key": "hadm_id",
                "code_system": "'mimic_iv_item'",
                "code": "coalesce(ab_itemid, test_itemid)",
                "display": "coalesce(ab_name, test_name)",
                "category": "'microbiology'",
                "status": "'final'",
                "value_num": "dilution_value",
                "comparator": "case when trim(dilution_comparison) in ('<', '<=', '>', '>=') then trim(dilution_comparison) end",
                "value_text": "coalesce(interpretation, org_name, nullif(trim(comments), '___'))",
                "value_code_system": "case when org_itemid is not null then 'mimic_iv_item' end",
                "value_code": "org_itemid",
                "event_precision": "case when charttime is not null then 'second' when chartdate is not null then 'day' end",
                "recorded_precision": "case when storetime is not null then 'second' when storedate is not null then 'day' end",
            },
            event="coalesce(charttime, chartdate)",
            recorded="coalesce(storetime, storedate)",
        )
    }}
from {{ source("mimic_iv", "mimic_iv_microbiologyevents") }}
