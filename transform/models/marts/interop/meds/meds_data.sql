-- One row per event of a subject, in the columns of MEDS 0.4 and some of our own: `available_time` is
-- when the event was known, which MEDS has no name for. A fact without a time would count as always
-- known, so it is not there.
with
    people as (select * from {{ here(ref("interop_person")) }}),

    facts as (
        select
            *,
            concat_ws(
                '//',
                upper(domain),
                vocabulary_id,
                replace(coalesce(code, display), '//', '%2F%2F'),
                case
                    when domain = 'measurement' and value_num is not null
                    then coalesce(unit_std, unit_src, 'UNK')
                end
            ) as meds_code
        from {{ here(ref("interop_fact")) }}
        where event_at is not null and coalesce(code, display) is not null
    ),

    events as (
        select
            subject_id,
            event_at as time,
            meds_code as code,
            coalesce(value_std, value_num) as number,
            case
                when comparator is not null and value_num is not null
                then comparator || cast(coalesce(value_std, value_num) as varchar)
                else value_text
            end as text_value,
            event_end_at as end_time,
            case when known_basis = 'recorded' then known_at end as available_time,
            coalesce(unit_std, unit_src) as unit,
            fact_key as event_id,
            encounter_fact_key as visit_id
        from facts
        union all
        select
            subject_id,
            event_end_at,
            concat_ws('//', 'ENCOUNTER_END', vocabulary_id, replace(coalesce(code, display), '//', '%2F%2F')),
            null,
            null,
            null,
            case when known_basis = 'recorded' then known_at end,
            null,
            fact_key || ':end',
            encounter_fact_key
        from facts
        where domain = 'encounter' and event_end_at is not null
        union all
        select
            subject_id,
            cast(coalesce(birth_date, make_date(birth_year, 1, 1)) as timestamp),
            'MEDS_BIRTH',
            null,
            null,
            null,
            null,
            null,
            person_id || ':birth',
            null
        from people
        where birth_year is not null
        union all
        select
            subject_id,
            cast(death_date as timestamp),
            'MEDS_DEATH',
            null,
            null,
            null,
            null,
            null,
            person_id || ':death',
            null
        from people
        where death_date is not null
        union all
        select
            subject_id,
            null,
            'GENDER//' || upper(sex[1]),
            null,
            null,
            null,
            null,
            null,
            person_id || ':sex',
            null
        from people
        where sex in ('male', 'female')
    ),

    final as (
        select
            subject_id,
            time,
            code,
            cast(number as float) as numeric_value,
            text_value,
            unit,
            end_time,
            available_time,
            event_id,
            visit_id
        from events
    )

select *
from final
