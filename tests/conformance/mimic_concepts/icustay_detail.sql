select
    stay.subject_id,
    stay.hadm_id,
    stay.stay_id,
    case age.sex when 'male' then 'M' when 'female' then 'F' end as gender,
    age.death_date as dod,
    age.admittime,
    age.dischtime,
    date_diff('day', age.admittime, age.dischtime) as los_hospital,
    age.age as admission_age,
    race.value_text as race,
    cast(coalesce(disposition.value_text = 'DIED', false) as integer) as hospital_expire_flag,
    dense_rank() over (partition by stay.subject_id order by age.admittime) as hospstay_seq,
    dense_rank() over (partition by stay.subject_id order by age.admittime) = 1 as first_hosp_stay,
    stay.intime as icu_intime,
    stay.outtime as icu_outtime,
    round(date_diff('hour', stay.intime, stay.outtime) / 24.0, 2) as los_icu,
    dense_rank() over (partition by stay.hadm_id order by stay.intime) as icustay_seq,
    dense_rank() over (partition by stay.hadm_id order by stay.intime) = 1 as first_icu_stay
from stay
inner join age on age.hadm_id = stay.hadm_id
left join answer as race on race.hadm_id = stay.hadm_id and race.code = '32624-9'
left join answer as disposition on disposition.hadm_id = stay.hadm_id and disposition.code = '55128-3'
