-- Which drugs are prescribed to people whose genotype changes what the CPIC guideline says of them?
select
    r.drug, r.gene, r.phenotype, r.strength,
    count(distinct m.person_id) as people,
    max(m.event_at)::date as last_prescribed,
    any_value(r.recommendation) as what_the_guideline_says
from core.twin_medication as m
inner join core.twin_genome_recommendation as r
    on r.person_id = m.person_id and m.code_system = 'rxnorm' and m.code = r.rxnorm
where
    m.op <> 'retract' and m.superseded_at is null
    and r.phenotype not ilike 'normal%'
group by r.drug, r.gene, r.phenotype, r.strength
order by people desc, r.drug, r.gene
