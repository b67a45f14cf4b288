-- How are people spread over the stages of the cardiovascular-kidney-metabolic syndrome, by sex?
with latest as (
    select person_id, value_text as stage
    from core.twin_state
    where variable = 'ckm_stage' and known_to is null
    qualify row_number() over (partition by person_id order by valid_from desc, known_from desc) = 1
)

select latest.stage, person.sex, count(*) as people
from latest
inner join core.twin_person as person using (person_id)
group by all
order by all
