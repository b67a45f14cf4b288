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
        select ordered.*, cast(1 as bigint) as code_no, 'rxnorm' as code_system, ingredients.rxnorm as code
        from ordered
        inner join ingredients on ingredients.drug = ordered.drug
        union all
        select ordered.*, cast(2 as bigint) as code_no, 'ndc' as code_system, ordered.ndc as code
        from ordered
        where length(ordered.ndc) > 1
        union all
        select
            ordered.*,
            cast(3 as bigint) as code_no,
            'mimic_iv_drug' as code_system,
            trim(ordered.drug) as code
        from ordered
    ),

    final as (
        select
            coded.source as source_system,
            'mimic_iv_prescriptions' as source_table,
            concat_ws('-', coded.pharmacy_id, coded.drug_type, coded.drug) as source_id,
            '' as component,
            cast(coded.subject_id as varchar) as source_person_key,
            cast(coded.hadm_id as varchar) as encounter_key,
            coded.code_no,
            coded.code_system,
            coded.code,
            coded.drug as display,
            'order' as category,
            cast(null as varchar) as status,
            false as is_retracted,
            false as is_revision,
            try_cast(coded.dose_val_rx as double) as value_num,
            cast(null as varchar) as comparator,
            -- as a prescription reads: what, then how; the route follows the last comma
            nullif(concat_ws(', ', coded.prod_strength, coded.route), '') as value_text,
            cast(null as varchar) as value_code_system,
            cast(null as varchar) as value_code,
            coded.dose_unit_rx as unit_src,
            cast(null as double) as ref_low,
            cast(null as double) as ref_high,
            cast(coded.starttime as varchar) as event_text,
            coded.starttime as event_at,
            coded.stoptime as event_end_at,
            case when coded.starttime is not null then 'second' end as event_precision,
            coded.recorded_at,
            case when coded.recorded_at is not null then 'second' end as recorded_precision,
            cast(null as timestamp) as updated_at,
            coded.file_id,
            coded.record_no
        from coded
    )

select *
from final
