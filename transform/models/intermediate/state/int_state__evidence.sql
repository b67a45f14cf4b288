-- One row per version of a measurement or diagnosis that a state variable rests on, with the interval of
-- time in which it was held to be true.
{{ config(materialized="table") }}

with
    variables as (select variable, concept, kind from {{ ref("state_variable") }} where concept is not null),

    final as (
        select
            facts.person_id,
            variables.variable,
            variables.kind,
            facts.value_std as value_num,
            facts.unit_std as unit,
            facts.event_at,
            facts.known_at,
            facts.superseded_at,
            facts.source_system,
            facts.fact_key,
            facts.version
        from {{ touched(ref("twin_fact")) }} as facts
        inner join variables on variables.concept = facts.concept
        where
            facts.person_id is not null
            and facts.op <> 'retract'
            and facts.event_at is not null
            and facts.known_at is not null
            and (facts.superseded_at is null or facts.superseded_at > facts.known_at)
            and (
                (
                    variables.kind = 'measured'
                    and facts.domain = 'measurement'
                    and facts.value_std is not null
                    and facts.comparator is null
                    and coalesce(facts.quality_flags, '') not like '%implausible%'
                )
                or (variables.kind = 'diagnosed' and facts.domain = 'condition')
            )
    )

select *
from final
