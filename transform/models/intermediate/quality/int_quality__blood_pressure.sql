-- One row per blood pressure reading: both values of one record, or of one moment where they are records of
-- their own. The lower of several.
with
    facts as (
        select *
        from {{ ref("int_quality__fact") }}
        where
            domain = 'measurement'
            and value_set in ('systolic_blood_pressure', 'diastolic_blood_pressure')
            and {{ quality_is_result("status") }}
    ),

    encounters as (
        select distinct source_system, encounter_key, category
        from {{ ref("twin_fact") }}
        where domain = 'encounter' and {{ is_current() }} and component = ''
    ),

    final as (
        select
            facts.person_id,
            facts.start_at,
            facts.end_at,
            facts.end_date,
            max(encounters.category) as encounter_class,
            min(facts.value_num) filter (facts.value_set = 'systolic_blood_pressure') as systolic,
            min(facts.value_num) filter (facts.value_set = 'diastolic_blood_pressure') as diastolic
        from facts
        left join
            encounters
            on encounters.source_system = facts.source_system
            and encounters.encounter_key = facts.encounter_key
        group by
            facts.person_id,
            facts.source_system,
            case when facts.component in ('', '0') then null else facts.source_id end,
            facts.start_at,
            facts.end_at,
            facts.end_date
    )

select *
from final
