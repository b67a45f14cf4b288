-- One row per person and rule of care: when what it asks for was last done, and until when that holds.
{{ config(materialized="incremental", incremental_strategy="by_person") }}

with
    rules as (select * from {{ ref("care_gap_rule") }}),

    final as (
        select
            facts.person_id,
            rules.rule,
            max(facts.event_at) as done_at,
            -- a prescription goes on
            max(
                case
                    when facts.domain = 'medication'
                    then coalesce(facts.event_end_at, timestamp '9999-01-01')
                    else facts.event_at
                end
            ) as holds_to
        from {{ touched(ref("twin_fact")) }} as facts
        left join {{ ref("drug") }} as drugs on facts.domain = 'medication' and drugs.concept = facts.concept
        inner join
            rules
            on (facts.domain = 'measurement' and rules.concept = facts.concept)
            or (facts.domain = 'medication' and rules.indication_group = drugs.indication_group)
            or (
                facts.domain in ('procedure', 'immunization')
                and rules.code_system = facts.code_system
                and list_contains(string_split(rules.codes, '|'), facts.code)
            )
        where {{ is_current() }} and facts.person_id is not null and facts.event_at is not null
        group by facts.person_id, rules.rule
    )

select *
from final
