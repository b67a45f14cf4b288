-- One row per serum creatinine of an adult: estimated glomerular filtration rate by the CKD-EPI creatinine
-- equation of 2021 (Inker 2021, no term for race).
with
    creatinine as (select * from {{ ref("int_state__evidence") }} where variable = 'creatinine'),

    people as (select * from {{ ref("twin_person") }}),

    aged as (
        select creatinine.*, people.sex, {{ age_at("people", "creatinine.event_at") }} as age
        from creatinine
        inner join people on people.person_id = creatinine.person_id
        where people.sex in ('female', 'male')
    ),

    final as (
        select
            person_id,
            'egfr_ckd_epi_2021' as variable,
            {{ egfr_ckd_epi_2021("value_num", "age", "sex") }} as value_num,
            event_at as valid_from,
            known_at as known_from,
            superseded_at as known_to,
            [fact_key] as inputs
        from aged
        where age >= 18 and value_num > 0
    )

select *
from final
