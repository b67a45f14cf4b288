-- 227488 is irrigant that goes in, not out
select
    cast(encounter_key as bigint) as stay_id,
    event_at as charttime,
    sum(case when code = '227488' then -abs(value_num) else value_num end) as urineoutput
from fact
where
    source_table = 'mimic_iv_outputevents'
    and code in (
        '226557', '226558', '226559', '226560', '226561', '226563',
        '226564', '226565', '226567', '226584', '227488', '227489'
    )
group by encounter_key, event_at
