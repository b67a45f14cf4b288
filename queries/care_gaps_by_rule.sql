-- How many of those whom a rule of care is about have it fulfilled?
select rule, grade, count(*) as people, round(100.0 * avg((status = 'closed')::int), 1) as closed_percent
from marts_analyst.care_gap
group by rule, grade
order by closed_percent
