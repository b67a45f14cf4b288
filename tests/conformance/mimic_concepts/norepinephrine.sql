select
    stay_id,
    linkorderid,
    case rate_unit when 'mg/kg/min' then rate * 1000 else rate end as vaso_rate,
    amount as vaso_amount,
    starttime,
    endtime
from infusion
where code = '221906'
