-- Air and weather where a person lived on each day, by the home cell that held on that day: a person moves.
create or replace macro core.twin_environment(person) as table
select environment.*
from core.environment_day as environment
inner join
    core.twin_person_home as home
    on home.region_id = environment.region_id
    and environment.date >= home.valid_from
    and (home.valid_to is null or environment.date < home.valid_to)
where home.person_id = person
order by environment.date
