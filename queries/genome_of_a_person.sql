-- What does a genome say of a person: quality of the sample, best and worst scores, what was not assessed?
select
    s.person_id, s.sample, s.call_rate, s.sex_check, s.qc_status,
    max(g.z) as highest_z, arg_max(g.pgs_id, g.z) as highest_score,
    count(*) filter (where g.status <> 'ok') as unusable_scores,
    (
        select count(*)
        from core.twin_genome_diplotype as d
        where d.person_id = s.person_id and d.status = 'not_assessed'
    ) as genes_not_assessed
from core.twin_genome_sample as s
left join core.twin_genome_score as g on g.person_id = s.person_id and g.sample = s.sample
group by all
order by highest_z desc nulls last
limit 20
