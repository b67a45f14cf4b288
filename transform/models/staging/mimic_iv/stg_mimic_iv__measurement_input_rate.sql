-- One row per copy of an infusion in the ICU that has a rate.
select
    {{
        mimic_iv_record(
            {
                "source_table": "'mimic_iv_inputevents'",
                "source_id": "concat_ws('-', stay_id, orderid, itemid)",
                "component": "'rate'",
                "encounter_key": "stay_id",
                "code_system": "'mimic_iv_item'",
                "code": "itemid",
                "display": "label",
                "category": "'infusion-rate'",
                "status": "lower(statusdescription)",
                "value_num": "rate",
                "unit_src": "rateuom",
                "event_end_at": "endtime",
            },
            event="starttime",
            recorded="storetime",
        )
    }}
from {{ mimic_iv_labelled("mimic_iv_inputevents") }}
where rate is not null
