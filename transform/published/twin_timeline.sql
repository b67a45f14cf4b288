-- What happened to a person, in order, as it is known now.
create or replace macro core.twin_timeline(person) as table
select
    fact.event_at,
    fact.event_end_at,
    fact.domain,
    fact.concept,
    coalesce(fact.display, fact.code) as what,
    coalesce(fact.value_std, fact.value_num) as value_num,
    coalesce(fact.unit_std, fact.unit_src) as unit,
    coalesce(fact.value_text, fact.value_code) as value_text,
    fact.status,
    fact.known_at,
    fact.source_system,
    fact.fact_key
from core.twin_fact as fact
where fact.person_id = person and fact.superseded_at is null and fact.op <> 'retract'
order by fact.event_at nulls last, fact.domain, fact.concept, fact.fact_key
