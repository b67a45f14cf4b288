-- Which source delivers data of which quality?
select source_system, kahn_category, count(*) as rules, count(*) filter (where not is_passed) as broken
from marts_monitoring.dq_result
where is_latest
group by all
order by broken desc, source_system, kahn_category
