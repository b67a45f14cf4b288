-- One row per person, group of drugs and calendar year: the share of its days, from the first prescription of
-- the year on, that prescriptions cover. As known when the year was over: nothing that comes later changes
-- it.
with
    years as (
        select unnest(generate_series(min(year(event_at)), max(year(known_at)))) as year
        from {{ ref("twin_medication") }}
    ),

    supplies as (
        select
            medications.person_id,
            medications.indication_group,
            make_timestamp(years.year + 1, 1, 1, 0, 0, 0.0) as year_end,
            greatest(cast(medications.event_at as date), make_date(years.year, 1, 1)) as start_date,
            least(cast(medications.event_end_at as date), make_date(years.year + 1, 1, 1)) as end_date,
            medications.fact_key
        from {{ touched(ref("twin_medication")) }} as medications
        inner join
            years
            on medications.event_at < make_timestamp(years.year + 1, 1, 1, 0, 0, 0.0)
            and medications.event_end_at > make_timestamp(years.year, 1, 1, 0, 0, 0.0)
            and medications.known_at <= make_timestamp(years.year + 1, 1, 1, 0, 0, 0.0)
            and (
                medications.superseded_at is null
                or medications.superseded_at > make_timestamp(years.year + 1, 1, 1, 0, 0, 0.0)
            )
        where
            medications.op <> 'retract'
            and medications.person_id is not null
            and medications.indication_group
            in ('lipid_lowering', 'glucose_lowering', 'blood_pressure_lowering')
    ),

    -- days that earlier supplies cover already count once
    covered as (
        select
            *,
            greatest(
                date_diff(
                    'day',
                    greatest(
                        start_date,
                        coalesce(
                            max(end_date) over (
                                partition by person_id, indication_group, year_end
                                order by start_date, end_date, fact_key
                                rows between unbounded preceding and 1 preceding
                            ),
                            start_date
                        )
                    ),
                    end_date
                ),
                0
            ) as n_days
        from supplies
        where end_date > start_date
    ),

    final as (
        select
            person_id,
            'pdc_' || indication_group as variable,
            sum(n_days)
            / cast(date_diff('day', min(start_date), cast(year_end as date)) as double) as value_num,
            year_end as valid_from,
            year_end as known_from,
            cast(null as timestamp) as known_to,
            list(distinct fact_key order by fact_key) as inputs
        from covered
        where year_end <= (select max(known_at) from {{ ref("twin_medication") }})
        group by person_id, indication_group, year_end
        -- a treatment that began in the last quarter says nothing yet
        having date_diff('day', min(start_date), cast(year_end as date)) >= 91
    )

select *
from final
