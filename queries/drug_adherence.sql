-- How well are drugs taken, year by year: the share of people with at least 80 % of days covered (PQA)?
select
    replace(variable, 'pdc_', '') as indication,
    year(valid_from) - 1 as year,
    count(*) as people,
    round(100.0 * avg((value_num >= 0.8)::int), 1) as adherent_percent
from core.twin_state
where variable like 'pdc_%'
group by all
order by indication, year
