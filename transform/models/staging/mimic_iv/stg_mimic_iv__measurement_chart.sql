-- One row per copy of a charted ICU item and coding, known when it was stored.
select
    {{
        mimic_iv_record(
            {
                "source_table": "'mimic_iv_chartevents'",
                "source_id": "concat_ws('-', stay_id, itemid, charttime, storetime)",
                "encounter_key": "stay_id",
                "code_no": "code_no",
                "code_system": "code_system",
                "code": "code",
                "display": "label",
                "category": "'vital-signs'",
                "value_num": "valuenum",
                "value_text": "case when valuenum is null then value end",
                "unit_src": "nullif(trim(valueuom), '')",
            },
            event="charttime",
            recorded="storetime",
        )
    }}
from {{ mimic_iv_coded("mimic_iv_chartevents") }}
