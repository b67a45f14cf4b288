with
    creatinine as (
        select stay.hadm_id, stay.stay_id, lab.charttime, avg(lab.value_num) as creat
        from stay
        left join lab
            on lab.subject_id = stay.subject_id
            and lab.itemid = 50912
            and lab.value_num <= 150
            and lab.charttime between stay.intime - interval 7 day and stay.outtime
        group by stay.hadm_id, stay.stay_id, lab.charttime
    )

select
    hadm_id,
    stay_id,
    charttime,
    creat,
    min(creat) over (
        partition by stay_id order by charttime
        range between interval 48 hour preceding and interval 1 microsecond preceding
    ) as creat_low_past_48hr,
    min(creat) over (
        partition by stay_id order by charttime
        range between interval 7 day preceding and interval 1 microsecond preceding
    ) as creat_low_past_7day
from creatinine
