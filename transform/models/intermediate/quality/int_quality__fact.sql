-- One row per fact as it stands now and value set that one of its codings is in: what measures are computed
-- from. Days follow the measures' habit of comparing by day.
{{ config(materialized="table") }}

with
    members as (select * from {{ ref("int_quality__member") }}),

    systems as (select * from {{ ref("code_system") }}),

    facts as (select * from {{ ref("twin_fact") }} where {{ is_current() }} and person_id is not null),

    -- the ledger keeps one coding of a record; a value set may list any of them
    codings as (
        select distinct
            records.source_system,
            records.source_table,
            records.source_id,
            records.component,
            records.file_id,
            records.record_no,
            members.value_set
        from {{ ref("int_record__unioned") }} as records
        left join systems on systems.alias = lower(trim(records.code_system))
        inner join
            members
            on members.code_system = coalesce(systems.code_system, records.code_system)
            and members.code
            = {{ code_key("coalesce(systems.code_system, records.code_system)", "records.code") }}
    ),

    joined as (
        select
            facts.*,
            codings.value_set,
            coalesce(facts.event_end_at, facts.event_at) as ended_at,
            -- a whole day ends with its last moment, not with the next midnight
            case
                when facts.event_precision <> 'second'
                then facts.event_end_at - interval 1 microsecond
                else facts.event_end_at
            end as last_at
        from facts
        inner join
            codings
            on codings.source_system = facts.source_system
            and codings.source_table = facts.source_table
            and codings.source_id is not distinct from facts.source_id
            and codings.component = facts.component
            and codings.file_id is not distinct from facts.file_id
            and codings.record_no = facts.record_no
    ),

    final as (
        select
            person_id,
            value_set,
            domain,
            fact_key,
            source_system,
            source_table,
            source_id,
            component,
            encounter_key,
            category,
            status,
            coalesce(value_std, value_num) as value_num,
            coalesce(unit_std, unit_src) as unit,
            value_code,
            value_num is not null or value_code is not null or value_text is not null as has_value,
            event_at as start_at,
            ended_at as end_at,
            cast(event_at as date) as start_date,
            -- QICoreCommon.prevalenceInterval: an active condition goes on until it is said to have ended
            case
                when last_at is not null
                then cast(last_at as date)
                when domain = 'condition' and status in ('active', 'recurrence', 'relapse')
                then date '9999-12-31'
                else cast(event_at as date)
            end as end_date,
            case when known_basis = 'recorded' then known_at end as issued_at
        from joined
        where event_at is not null
    )

select *
from final
