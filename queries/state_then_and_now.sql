-- What did we hold true of the sickest person on 1 January 2022, and what do we hold true of that day now?
with sickest as (
    select person_id from core.twin_state where variable = 'charlson_index' and known_to is null
    order by value_num desc, person_id limit 1
),

spans as (
    select state.*
    from core.twin_state as state
    inner join sickest using (person_id)
    where valid_from <= timestamp '2022-01-01'
)

select
    variable,
    max_by(coalesce(value_text, round(value_num, 2)::varchar), (valid_from, known_from)) filter (
        where known_from <= timestamp '2022-01-01' and (known_to is null or known_to > timestamp '2022-01-01')
    ) as as_known_then,
    max_by(coalesce(value_text, round(value_num, 2)::varchar), (valid_from, known_from)) filter (
        where known_to is null
    ) as as_known_now
from spans
where variable not like 'phenotype_%'
group by variable
order by variable
