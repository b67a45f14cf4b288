select
    stay_id,
    linkorderid,
    case rate_unit when 'units/min' then rate * 60 else rate end as vaso_rate,
    amount as vaso_amount,
    starttime,
    endtime
from infusion
where code = '222315'
