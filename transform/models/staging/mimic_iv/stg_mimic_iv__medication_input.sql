-- One row per copy of an infusion, bolus or intake in the ICU: what was given, with its amount. The rate is
-- a measurement of its own.
select
    {{
        mimic_iv_record(
            {
                "source_table": "'mimic_iv_inputevents'",
                "source_id": "concat_ws('-', stay_id, orderid, itemid)",
                "encounter_key": "stay_id",
                "code_system": "'mimic_iv_item'",
                "code": "itemid",
                "display": "label",
                "category": "'administration'",
                "status": "lower(statusdescription)",
                "value_num": "amount",
                "unit_src": "amountuom",
                "event_end_at": "endtime",
            },
            event="starttime",
            recorded="storetime",
        )
    }}
from {{ mimic_iv_labelled("mimic_iv_inputevents") }}
