-- How long after they were taken do laboratory results become known, by source?
select source_system, count(*) as results,
    round(median(epoch(known_at - event_at)) / 3600, 1) as median_hours,
    round(quantile_cont(epoch(known_at - event_at), 0.9) / 3600, 1) as p90_hours
from core.twin_fact
where domain = 'measurement' and category = 'laboratory' and version = 1 and known_basis = 'recorded'
group by source_system
order by p90_hours desc
