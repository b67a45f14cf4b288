-- One row per copy of a measured output (urine, drains) in the ICU.
select
    {{
        mimic_iv_record(
            {
                "source_table": "'mimic_iv_outputevents'",
                "source_id": "concat_ws('-', stay_id, itemid, charttime)",
                "encounter_key": "stay_id",
                "code_system": "'mimic_iv_item'",
                "code": "itemid",
                "display": "label",
                "category": "'output'",
                "value_num": "value",
                "unit_src": "valueuom",
            },
            event="charttime",
            recorded="storetime",
        )
    }}
from {{ mimic_iv_labelled("mimic_iv_outputevents") }}
