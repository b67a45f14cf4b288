-- One row per person and source: how many of their facts each rule of data quality looks at, and how many
-- break it.
{{ config(materialized="incremental", incremental_strategy="by_person") }}

with
    ledger as (select * from {{ touched(ref("twin_fact"), with_nobody=true) }} as facts),

    encounters as (
        select distinct source_system, person_id, encounter_key
        from ledger
        where domain = 'encounter' and encounter_key is not null
    ),

    facts as (
        select
            ledger.*,
            people.birth_date,
            people.death_date,
            encounters.encounter_key is not null as encounter_is_known
        from ledger
        left join {{ ref("twin_person") }} as people on people.person_id = ledger.person_id
        left join
            encounters
            on encounters.source_system = ledger.source_system
            and encounters.encounter_key = ledger.encounter_key
            and encounters.person_id is not distinct from ledger.person_id
    ),

    final as (
        select person_id, source_system, {{ dq_counts("twin_fact") }}
        from facts
        group by person_id, source_system
    )

select *
from final
