-- The age is stated for a year; what it is on admission follows from the difference of the years.
select
    age.subject_id,
    age.hadm_id,
    age.admittime,
    cast(stated.value_num as bigint) as anchor_age,
    cast(extract(year from stated.event_at) as bigint) as anchor_year,
    cast(age.age as bigint) as age
from age
inner join fact as stated on stated.subject_id = age.subject_id and stated.component = 'age'
