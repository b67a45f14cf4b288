-- What the concepts start from, in the terms of MIMIC-IV but read from the core alone: facts as they stand, whose
-- keys are the source's own. Items keep their number as code unless they have a LOINC code (seed).
create temp view fact as
select *, try_cast(source_person_key as bigint) as subject_id
from core.twin_fact
where superseded_at is null and op <> 'retract';

create temp view admission as
select subject_id, person_id, cast(encounter_key as bigint) as hadm_id, event_at as admittime, event_end_at as dischtime
from fact
where domain = 'encounter' and source_table = 'mimic_iv_admissions';

create temp view answer as
select cast(encounter_key as bigint) as hadm_id, code, value_text
from fact
where domain = 'measurement' and source_table = 'mimic_iv_admissions';

create temp view stay as
select
    fact.subject_id,
    cast(grouped.group_key as bigint) as hadm_id,
    cast(fact.encounter_key as bigint) as stay_id,
    fact.event_at as intime,
    fact.event_end_at as outtime
from fact
inner join core.twin_fact_group as grouped on grouped.fact_key = fact.fact_key and grouped.group_kind = 'encounter'
where fact.domain = 'encounter' and fact.source_table = 'mimic_iv_icustays';

create temp view age as
select admission.*, extract(year from admission.admittime) - people.birth_year as age, people.sex, people.death_date
from admission
inner join core.twin_person as people on people.person_id = admission.person_id;

-- results that are numbers; `<5` is a limit, not a number
create temp table lab as
select
    fact.subject_id,
    cast(fact.encounter_key as bigint) as hadm_id,
    cast(grouped.group_key as bigint) as specimen_id,
    fact.event_at as charttime,
    coalesce(items.itemid, try_cast(fact.code as bigint)) as itemid,
    fact.value_num
from fact
left join core.twin_fact_group as grouped on grouped.fact_key = fact.fact_key and grouped.group_kind = 'specimen'
left join reference.mimic_iv_item_concept as items
    on fact.code_system = 'loinc' and items.loinc = fact.code and items.module = 'hosp'
where fact.source_table = 'mimic_iv_labevents' and fact.value_num is not null and fact.comparator is null;

create temp view infusion as
select
    cast(fact.encounter_key as bigint) as stay_id,
    cast(grouped.group_key as bigint) as linkorderid,
    fact.code,
    rate.value_num as rate,
    rate.unit_src as rate_unit,
    fact.value_num as amount,
    fact.event_at as starttime,
    fact.event_end_at as endtime
from fact
left join fact as rate
    on rate.source_table = fact.source_table and rate.source_id = fact.source_id and rate.component = 'rate'
left join core.twin_fact_group as grouped on grouped.fact_key = fact.fact_key and grouped.group_kind = 'order'
where fact.domain = 'medication' and fact.source_table = 'mimic_iv_inputevents';

create temp view prescription as
select
    subject_id,
    cast(encounter_key as bigint) as hadm_id,
    display as drug,
    trim(split_part(value_text, ',', -1)) as route,
    split_part(source_id, '-', 2) as drug_type,
    event_at as starttime,
    event_end_at as stoptime
from fact
where domain = 'medication' and source_table = 'mimic_iv_prescriptions';

create temp table complete_blood_count as
select
    max(subject_id) as subject_id,
    max(hadm_id) as hadm_id,
    max(charttime) as charttime,
    specimen_id,
    max(value_num) filter (itemid = 51221) as hematocrit,
    max(value_num) filter (itemid = 51222) as hemoglobin,
    max(value_num) filter (itemid = 51248) as mch,
    max(value_num) filter (itemid = 51249) as mchc,
    max(value_num) filter (itemid = 51250) as mcv,
    max(value_num) filter (itemid = 51265) as platelet,
    max(value_num) filter (itemid = 51279) as rbc,
    max(value_num) filter (itemid = 51277) as rdw,
    max(value_num) filter (itemid = 52159) as rdwsd,
    max(value_num) filter (itemid = 51301) as wbc
from lab
where value_num > 0 and itemid in (51221, 51222, 51248, 51249, 51250, 51265, 51279, 51277, 52159, 51301)
group by specimen_id;

-- the upper bounds are those beyond which mimic-code takes a value for an error
create temp table chemistry as
select
    max(subject_id) as subject_id,
    max(hadm_id) as hadm_id,
    max(charttime) as charttime,
    specimen_id,
    max(value_num) filter (itemid = 50862 and value_num <= 10) as albumin,
    max(value_num) filter (itemid = 50930 and value_num <= 10) as globulin,
    max(value_num) filter (itemid = 50976 and value_num <= 20) as total_protein,
    max(value_num) filter (itemid = 50868 and value_num <= 10000) as aniongap,
    max(value_num) filter (itemid = 50882 and value_num <= 10000) as bicarbonate,
    max(value_num) filter (itemid = 51006 and value_num <= 300) as bun,
    max(value_num) filter (itemid = 50893 and value_num <= 10000) as calcium,
    max(value_num) filter (itemid = 50902 and value_num <= 10000) as chloride,
    max(value_num) filter (itemid = 50912 and value_num <= 150) as creatinine,
    max(value_num) filter (itemid = 50931 and value_num <= 10000) as glucose,
    max(value_num) filter (itemid = 50983 and value_num <= 200) as sodium,
    max(value_num) filter (itemid = 50971 and value_num <= 30) as potassium
from lab
where
    itemid in (50862, 50930, 50976, 50868, 50882, 51006, 50893, 50902, 50912, 50931, 50983, 50971)
    and (value_num > 0 or itemid = 50868)
group by specimen_id;

create temp table coagulation as
select
    max(subject_id) as subject_id,
    max(hadm_id) as hadm_id,
    max(charttime) as charttime,
    specimen_id,
    max(value_num) filter (itemid = 51196) as d_dimer,
    max(value_num) filter (itemid = 51214) as fibrinogen,
    max(value_num) filter (itemid = 51297) as thrombin,
    max(value_num) filter (itemid = 51237) as inr,
    max(value_num) filter (itemid = 51274) as pt,
    max(value_num) filter (itemid = 51275) as ptt
from lab
where value_num > 0 and itemid in (51196, 51214, 51297, 51237, 51274, 51275)
group by specimen_id;
