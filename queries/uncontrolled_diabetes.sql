-- Who has diabetes, a poor HbA1c, and no test in the last half year?
select cohort.person_id, cohort.onset_date, summary.hba1c_percent, gap.last_done_on, gap.status
from marts_analyst.cohort_phenotype as cohort
inner join marts_analyst.patient_summary as summary using (person_id)
inner join marts_analyst.care_gap as gap on gap.person_id = cohort.person_id and gap.rule = 'hba1c_in_diabetes'
where cohort.phenotype = 'diabetes' and gap.status <> 'closed'
order by summary.hba1c_percent desc nulls last
