-- One row per copy of a procedure or care interval charted in the ICU, known when it was stored.
select
    {{
        mimic_iv_record(
            {
                "source_table": "'mimic_iv_procedureevents'",
                "source_id": "concat_ws('-', stay_id, orderid, itemid, starttime)",
                "encounter_key": "stay_id",
                "code_system": "'mimic_iv_item'",
                "code": "itemid",
                "display": "label",
                "category": "'icu'",
                "status": "lower(statusdescription)",
                "value_num": "value",
                "value_text": "location",
                "unit_src": "valueuom",
                "event_end_at": "endtime",
            },
            event="starttime",
            recorded="storetime",
        )
    }}
from {{ mimic_iv_labelled("mimic_iv_procedureevents") }}
