-- The ledger as it was known at a moment: every fact in the version that was held to be true then.
create or replace macro core.twin_as_of(moment) as table
select fact.*
from core.twin_fact as fact
where
    fact.known_at <= moment
    and (fact.superseded_at is null or fact.superseded_at > moment)
    and fact.op <> 'retract'
