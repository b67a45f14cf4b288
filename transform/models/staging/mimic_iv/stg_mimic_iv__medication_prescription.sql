-- One row per copy of a prescribed product and coding: ingredient where the seed has the name, NDC, and the
-- name itself.
-- Known when the order was written (poe), else when the pharmacy entered it.
with
    raw as (select * from {{ source("mimic_iv", "mimic_iv_prescriptions") }}),

    orders as (
        select source, poe_id, min(ordertime) as ordered_at
        from {{ source("mimic_iv", "mimic_iv_poe") }}
        group by source, poe_id
    ),

    entries as (
        select source, pharmacy_id, min(entertime) as entered_at
        from {{ source("mimic_iv", "mimic_iv_pharmacy") }}
        group by source, pharmacy_id
    ),

    -- a name is looked up once, however often it was prescribed
    ingredients as (
        select names.drug, patterns.rxnorm
        from (select distinct drug from raw) as names
        inner join
            {{ ref("mimic_iv_drug_ingredient") }} as patterns
            on regexp_matches(lower(names.drug), patterns.pattern)
    ),

    ordered as (
        select raw.*, coalesce(orders.ordered_at, entries.entered_at) as recorded_at
        from raw
        left join orders on orders.poe_id = raw.poe_id and orders.source = raw.source
        left join entries on entries.pharmacy_id = raw.pharmacy_id and entries.source = raw.source
    ),

    coded as (
        select ordered.*, 1 as code_no, 'rxnorm' as code_system, ingredients.rxnorm as code
        from ordered
        inner join ingredients on ingredients.drug = ordered.drug
        union all
        select *, 2, 'ndc', ndc
        from ordered
        where length(ndc) > 1
        union all
        select *, 3, 'mimic_iv_drug', trim(drug)
        from ordered
    )

-- the text reads as a prescription does: what, then how; the route follows the last comma
select
    {{
        mimic_iv_record(
            {
                "source_table": "'mimic_iv_prescriptions'",
                "source_id": "concat_ws('-', pharmacy_id, drug_type, drug)",
                "encounter_key": "hadm_id",
                "code_no": "code_no",
                "code_system": "code_system",
                "code": "code",
                "display": "drug",
                "category": "'order'",
                "value_num": "try_cast(dose_val_rx as double)",
                "value_text": "nullif(concat_ws(', ', prod_strength, route), '')",
                "unit_src": "dose_unit_rx",
                "event_end_at": "stoptime",
            },
            event="starttime",
            recorded="recorded_at",
        )
    }}
from coded
