-- The versioned twin: one row per piece of evidence on a state variable of a person. `twin_state_at` picks
-- of each variable what was true at one time as it was known at another.
{{ config(materialized="incremental", incremental_strategy="by_person", on_schema_change="fail") }}
-- depends_on: {{ ref("int_identity__touched") }}
with
    variables as (select * from {{ ref("state_variable") }}),

    evidence as (
        select
            person_id,
            variable,
            kind,
            value_num,
            event_at as valid_from,
            known_at as known_from,
            superseded_at as known_to,
            [fact_key] as inputs
        from {{ ref("int_state__evidence") }}
    ),

    kidney as (select * from {{ ref("int_state__kidney") }}),

    pressure as (select * from {{ ref("int_state__blood_pressure") }}),

    diagnoses as (select * from evidence where variable in ('type_2_diabetes', 'hypertension')),

    numbers as (
        select person_id, variable, value_num, valid_from, known_from, known_to, inputs
        from evidence
        where kind = 'measured'
        union all
        select person_id, variable, value_num, valid_from, known_from, known_to, inputs
        from kidney
        union all
        select
            person_id,
            'mean_arterial_pressure',
            diastolic + (systolic - diastolic) / 3,
            valid_from,
            known_from,
            known_to,
            inputs
        from pressure
        union all
        select person_id, 'pulse_pressure', systolic - diastolic, valid_from, known_from, known_to, inputs
        from pressure
        union all
        select person_id, variable, value_num, valid_from, known_from, known_to, inputs
        from {{ ref("int_state__combined") }}
        union all
        select person_id, variable, value_num, valid_from, known_from, known_to, inputs
        from {{ ref("int_state__trend") }}
        union all
        select person_id, variable, value_num, valid_from, known_from, known_to, inputs
        from {{ ref("int_state__adherence") }}
        union all
        select person_id, variable, value_num, valid_from, known_from, known_to, inputs
        from {{ ref("int_state__comorbidity") }}
    ),

    categories as (
        select person_id, variable, 'present' as value_text, valid_from, known_from, known_to, inputs
        from evidence
        where kind = 'diagnosed'
        union all
        select person_id, variable, 'present', valid_from, known_from, known_to, inputs
        from {{ ref("int_state__phenotype") }}
        union all
        select person_id, variable, value_text, valid_from, known_from, known_to, inputs
        from {{ ref("int_state__ckm") }}
        union all
        select
            person_id,
            'kdigo_gfr_category',
            case
                when value_num >= 90
                then 'G1'
                when value_num >= 60
                then 'G2'
                when value_num >= 45
                then 'G3a'
                when value_num >= 30
                then 'G3b'
                when value_num >= 15
                then 'G4'
                else 'G5'
            end,
            valid_from,
            known_from,
            known_to,
            inputs
        from kidney
        union all
        select
            person_id,
            'kdigo_albuminuria_category',
            case when value_num < 30 then 'A1' when value_num <= 300 then 'A2' else 'A3' end,
            valid_from,
            known_from,
            known_to,
            inputs
        from evidence
        where variable = 'uacr'
        union all
        select
            person_id,
            'glycaemic_control',
            case when value_num < 7 then 'at_goal' when value_num <= 9 then 'above_goal' else 'poor' end,
            valid_from,
            known_from,
            known_to,
            inputs
        from evidence as hba1c
        where variable = 'hba1c' and {{ diagnosed_before("type_2_diabetes", "hba1c") }}
        union all
        select
            person_id,
            'blood_pressure_control',
            case
                when systolic < 130 and diastolic < 80
                then 'below_130_80'
                when systolic < 140 and diastolic < 90
                then 'below_140_90'
                else 'above_140_90'
            end,
            valid_from,
            known_from,
            known_to,
            inputs
        from pressure
        where {{ diagnosed_before("hypertension", "pressure") }}
    ),

    states as (
        select
            person_id,
            variable,
            value_num,
            cast(null as varchar) as value_text,
            valid_from,
            known_from,
            known_to,
            inputs
        from numbers
        union all
        select person_id, variable, cast(null as double), value_text, valid_from, known_from, known_to, inputs
        from categories
    ),

    final as (
        select distinct
            states.person_id,
            variables.organ_system,
            states.variable,
            -- the last bits of a sum depend on its order
            round(states.value_num, 9) as value_num,
            states.value_text,
            variables.unit,
            variables.kind as basis,
            states.valid_from,
            states.known_from,
            states.known_to,
            states.inputs
        from states
        inner join variables on variables.variable = states.variable
    )

select *
from final
order by person_id, variable, valid_from, known_from, inputs
