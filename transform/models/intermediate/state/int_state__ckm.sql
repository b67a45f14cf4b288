-- One row per arrival that changes a person's stage of the cardiovascular-kidney-metabolic syndrome
-- (Ndumele 2023),
-- from the newest of every sign as it was known then. What was never measured does not count as normal:
-- without
-- weight, glucose and kidney there is no stage 0. Imaging of subclinical disease is not known here.
{{ config(materialized="table") }}

{%- set signs = [
    "bmi_derived",
    "hba1c",
    "fasting_glucose",
    "triglycerides",
    "egfr_ckd_epi_2021",
    "uacr",
    "metabolic_disease",
    "cardiovascular_disease",
] %}

with
    arrivals as (
        select
            person_id,
            case
                when variable in ('type_2_diabetes', 'hypertension')
                then 'metabolic_disease'
                when kind = 'diagnosed'
                then 'cardiovascular_disease'
                else variable
            end as variable,
            value_num,
            event_at,
            known_at,
            superseded_at,
            fact_key
        from {{ ref("int_state__evidence") }}
        where
            variable in (
                'hba1c',
                'fasting_glucose',
                'triglycerides',
                'uacr',
                'type_2_diabetes',
                'hypertension',
                'coronary_heart_disease',
                'myocardial_infarction',
                'atrial_fibrillation',
                'heart_failure',
                'ischemic_stroke'
            )
        union all
        select person_id, variable, value_num, valid_from, known_from, known_to, inputs[1]
        from {{ ref("int_state__kidney") }}
        union all
        select person_id, variable, value_num, valid_from, known_from, known_to, inputs[1]
        from {{ ref("int_state__combined") }}
        where variable = 'bmi_derived'
    ),

    newest as (
        select
            person_id,
            known_at,
            event_at,
            variable,
            max(event_at) over known_order as valid_from,
            fact_key,
            {%- for sign in signs %}
                max(
                    case
                        when variable = '{{ sign }}'
                        then
                            {
                                'event_at':event_at,
                                'known_at':known_at,
                                'fact_key':fact_key,
                                'value_num':value_num,
                                'superseded_at':superseded_at
                            }
                    end
                ) over known_order as {{ sign }}
                {%- if not loop.last %},{% endif %}
            {%- endfor %}
        from arrivals
        window
            known_order as (
                partition by person_id
                order by known_at, event_at, fact_key, variable
                rows between unbounded preceding and current row
            )
    ),

    staged as (
        select
            person_id,
            valid_from,
            known_at as known_from,
            least(
                {%- for sign in signs %}
                    {{ sign }}.superseded_at {%- if not loop.last %},{% endif %}
                {%- endfor %}
            ) as known_to,
            list_sort(
                list_distinct(
                    list_filter(
                        [fact_key {%- for sign in signs %}, {{ sign }}.fact_key {%- endfor %}],
                        lambda one:one is not null
                    )
                )
            ) as inputs,
            case
                when cardiovascular_disease is not null
                then 4
                when {{ kdigo_very_high_risk("egfr_ckd_epi_2021.value_num", "uacr.value_num") }}
                then 3
                when
                    metabolic_disease is not null
                    or triglycerides.value_num >= 135
                    or hba1c.value_num >= 6.5
                    or fasting_glucose.value_num >= 126
                    or egfr_ckd_epi_2021.value_num < 60
                    or uacr.value_num >= 30
                then 2
                when bmi_derived.value_num >= 25 or hba1c.value_num >= 5.7 or fasting_glucose.value_num >= 100
                then 1
                when
                    bmi_derived is not null
                    and egfr_ckd_epi_2021 is not null
                    and (hba1c is not null or fasting_glucose is not null)
                then 0
            end as stage
        from newest
        -- of what arrives at one moment the last has seen all
        qualify
            row_number() over (
                partition by person_id, known_at order by event_at desc, fact_key desc, variable desc
            )
            = 1
    ),

    final as (
        select
            person_id,
            'ckm_stage' as variable,
            'stage_' || cast(stage as varchar) as value_text,
            valid_from,
            known_from,
            known_to,
            inputs
        from staged
        window by_knowledge as (partition by person_id order by known_from)
        qualify
            stage is not null
            and (known_to is null or known_to > known_from)
            and (
                stage is distinct from lag(stage) over by_knowledge
                or lag(known_to) over by_knowledge is not null
            )
    )

select *
from final
