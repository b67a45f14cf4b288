-- Without chronic kidney disease and a normal lowest value: the creatinine at which MDRD gives 75 mL/min/1.73 m2
-- (186 * creatinine^-1.154 * age^-0.203, times 0.742 in women; Levey 1999).
with
    lowest as (select hadm_id, min(creatinine) as scr_min from chemistry group by hadm_id),

    kidney_disease as (
        select distinct cast(encounter_key as bigint) as hadm_id
        from fact
        where
            domain = 'condition'
            and (
                (code_system = 'icd9cm' and starts_with(code, '585'))
                or (code_system = 'icd10cm' and starts_with(code, 'N18'))
            )
    ),

    estimated as (
        select
            *,
            power(
                75.0 / 186.0 / power(age, -0.203) / case sex when 'female' then 0.742 else 1.0 end, -1 / 1.154
            ) as mdrd_est
        from age
        where age >= 18
    )

select
    estimated.hadm_id,
    case estimated.sex when 'female' then 'F' when 'male' then 'M' end as gender,
    estimated.age,
    lowest.scr_min,
    cast(kidney_disease.hadm_id is not null as integer) as ckd,
    estimated.mdrd_est,
    case
        when lowest.scr_min <= 1.1 or (kidney_disease.hadm_id is not null)
        then lowest.scr_min
        else estimated.mdrd_est
    end as scr_baseline
from estimated
left join lowest on lowest.hadm_id = estimated.hadm_id
left join kidney_disease on kidney_disease.hadm_id = estimated.hadm_id
