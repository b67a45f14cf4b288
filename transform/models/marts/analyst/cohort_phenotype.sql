{{ config(materialized="incremental", incremental_strategy="by_person", on_schema_change="fail") }}
-- One row per person and phenotype that is on record now: who belongs to the cohort, since when, how they
-- stand.
with
    state as (select * from {{ touched(ref("twin_state")) }} as theirs where known_to is null),

    onsets as (
        select
            person_id,
            replace(variable, 'phenotype_', '') as phenotype,
            min(valid_from) as onset_at,
            min(known_from) as known_at
        from state
        where variable like 'phenotype_%'
        group by person_id, variable
    ),

    latest as (
        select
            person_id,
            max_by(value_num, (valid_from, known_from)) filter (
                where variable = 'charlson_index'
            ) as charlson_index,
            max_by(value_text, (valid_from, known_from)) filter (where variable = 'ckm_stage') as ckm_stage,
            max_by(value_text, (valid_from, known_from)) filter (
                where variable = 'glycaemic_control'
            ) as glycaemic_control,
            max_by(value_text, (valid_from, known_from)) filter (
                where variable = 'blood_pressure_control'
            ) as blood_pressure_control,
            max_by(value_num, (valid_from, known_from)) filter (where variable = 'egfr_slope') as egfr_slope
        from state
        where
            variable
            in ('charlson_index', 'ckm_stage', 'glycaemic_control', 'blood_pressure_control', 'egfr_slope')
        group by person_id
    ),

    final as (
        select
            onsets.person_id,
            onsets.phenotype,
            cast(onsets.onset_at as date) as onset_date,
            onsets.known_at,
            people.sex,
            cast(
                {{
                    years_between(
                        "coalesce(people.birth_date, make_date(people.birth_year, 7, 1))",
                        "cast(onsets.onset_at as date)",
                    )
                }} as integer
            ) as onset_age_years,
            people.region_id,
            people.death_date,
            latest.ckm_stage,
            latest.glycaemic_control,
            latest.blood_pressure_control,
            latest.egfr_slope as egfr_slope_per_year,
            latest.charlson_index
        from onsets
        inner join {{ ref("twin_person") }} as people on people.person_id = onsets.person_id
        left join latest on latest.person_id = onsets.person_id
    )

select *
from final
order by phenotype, person_id
