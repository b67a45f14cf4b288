{%- set measurements = [
    ("body_height", "body_height_cm"),
    ("body_weight", "body_weight_kg"),
    ("bmi", "bmi_kg_m2"),
    ("systolic_bp", "systolic_bp_mmhg"),
    ("diastolic_bp", "diastolic_bp_mmhg"),
    ("hba1c", "hba1c_percent"),
    ("fasting_glucose", "fasting_glucose_mg_dl"),
    ("total_cholesterol", "total_cholesterol_mg_dl"),
    ("hdl_cholesterol", "hdl_cholesterol_mg_dl"),
    ("ldl_cholesterol", "ldl_cholesterol_mg_dl"),
    ("triglycerides", "triglycerides_mg_dl"),
    ("creatinine", "creatinine_mg_dl"),
    ("egfr", "egfr_ml_min_173m2"),
    ("uacr", "uacr_mg_g"),
] %}
{%- set conditions = [
    "type_2_diabetes",
    "coronary_heart_disease",
    "myocardial_infarction",
    "ischemic_stroke",
    "atrial_fibrillation",
    "chronic_kidney_disease",
    "copd",
    "dementia",
    "breast_cancer",
    "colorectal_cancer",
    "hypertension",
    "heart_failure",
    "hyperlipidemia",
    "obesity",
] %}
{%- set groups = ["glucose_lowering", "lipid_lowering", "blood_pressure_lowering", "antithrombotic"] %}
with
    people as (select * from {{ ref("twin_person") }}),

    links as (select * from {{ ref("twin_person_link") }}),

    latest as (select * from {{ ref("int_measurement__latest") }}),

    diagnoses as (select * from {{ ref("twin_condition") }} where {{ is_current() }}),

    prescriptions as (select * from {{ ref("twin_medication") }} where {{ is_current() }}),

    -- ages and current drugs are those of the last day that any record speaks of; nothing can be known
    -- later than it was taken in, unless its dates were shifted to hide the person: then the person's
    -- own last record is the day
    last_day as (
        select cast(max(known_at) as date) as ends_date
        from {{ ref("twin_fact") }}
        where known_at <= ingested_at
    ),

    data_end as (
        select
            people.person_id, greatest(last_day.ends_date, cast(people.last_observed_at as date)) as ends_date
        from people
        cross join last_day
    ),

    source_kinds as (
        select
            person_id,
            max(case when id_type = 'mrn' then 1 else 0 end) = 1 as has_hospital_record,
            max(case when id_type = 'account' then 1 else 0 end) = 1 as has_wearable,
            max(case when id_type = 'sample' then 1 else 0 end) = 1 as has_genome
        from links
        group by person_id
    ),

    measured as (
        select
            person_id,
            {% for concept, column in measurements -%}
                max(case when concept = '{{ concept }}' then value_std end) as {{ column }},
            {% endfor -%}
            max(case when concept = 'smoking_status' then value_text end) as smoking_status,
            max(event_at) as last_measured_at
        from latest
        group by person_id
    ),

    diagnosed as (
        select
            person_id,
            {% for condition in conditions -%}
                min(
                    case when concept = '{{ condition }}' then cast(coalesce(event_at, known_at) as date) end
                ) as {{ condition }}_since,
            {% endfor -%}
            count(distinct concept) as n_conditions
        from diagnoses
        group by person_id
    ),

    medicated as (
        select
            prescriptions.person_id,
            {% for group in groups -%}
                max(case when prescriptions.indication_group = '{{ group }}' then 1 else 0 end)
                = 1 as on_{{ group }},
            {% endfor -%}
            count(distinct coalesce(prescriptions.concept, prescriptions.code)) as n_current_drugs
        from prescriptions
        inner join data_end on data_end.person_id = prescriptions.person_id
        where
            prescriptions.event_at <= data_end.ends_date
            and (prescriptions.event_end_at is null or prescriptions.event_end_at > data_end.ends_date)
            and coalesce(prescriptions.status, 'active')
            not in ('stopped', 'completed', 'cancelled', 'entered-in-error')
        group by prescriptions.person_id
    ),

    final as (
        select
            people.person_id,
            cast(
                {{ years_between("people.birth_date", "coalesce(people.death_date, data_end.ends_date)") }}
                as integer
            ) as age_years,
            people.sex,
            people.region_id,
            people.death_date is not null as is_deceased,
            people.death_date,
            people.first_observed_at,
            people.last_observed_at,
            people.n_sources,
            coalesce(source_kinds.has_hospital_record, false) as has_hospital_record,
            coalesce(source_kinds.has_wearable, false) as has_wearable,
            coalesce(source_kinds.has_genome, false) as has_genome,
            {% for concept, column in measurements -%}
                cast(measured.{{ column }} as double) as {{ column }},
            {% endfor -%}
            measured.smoking_status,
            measured.last_measured_at,
            {% for condition in conditions -%} diagnosed.{{ condition }}_since, {% endfor -%}
            cast(coalesce(diagnosed.n_conditions, 0) as integer) as n_conditions,
            {% for group in groups -%}
                coalesce(medicated.on_{{ group }}, false) as on_{{ group }},
            {% endfor -%}
            cast(coalesce(medicated.n_current_drugs, 0) as integer) as n_current_drugs
        from people
        inner join data_end on data_end.person_id = people.person_id
        left join source_kinds on source_kinds.person_id = people.person_id
        left join measured on measured.person_id = people.person_id
        left join diagnosed on diagnosed.person_id = people.person_id
        left join medicated on medicated.person_id = people.person_id
    )

select *
from final
