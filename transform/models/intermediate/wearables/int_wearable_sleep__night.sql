-- One row per person and local wake date: the main sleep, from the best source that saw it. Stages of
-- one source that lie less than two hours apart are one episode; it belongs to the date on which it
-- ends. Asleep time is the union of the sleeping stages less the union of being awake, to the
-- microsecond; fragments and overlaps count once.
with
    samples as (select * from {{ ref("int_wearable_sample__located") }}),

    stages as (
        select
            person_id,
            source_name,
            source_rank,
            start_at,
            end_at,
            local_end_at - end_at as local_shift,
            known_at,
            is_recorded,
            case when value_text in ('asleep', 'core', 'deep', 'rem') then 1 else 0 end as is_asleep,
            case when value_text = 'awake' then 1 else 0 end as is_awake,
            case when value_text = 'deep' then 1 else 0 end as is_deep,
            case when value_text = 'rem' then 1 else 0 end as is_rem
        from samples
        where metric = 'sleep_stage' and end_at > start_at
    ),

    reached as (
        select
            *,
            max(end_at) over (
                partition by person_id, source_name
                order by start_at, end_at
                rows between unbounded preceding and 1 preceding
            ) as reach_at
        from stages
    ),

    numbered as (
        select
            *,
            sum(case when reach_at is null or start_at > reach_at + interval 2 hours then 1 else 0 end) over (
                partition by person_id, source_name order by start_at, end_at rows unbounded preceding
            ) as episode_no
        from reached
    ),

    -- +1 where a stage starts, -1 where it ends; between two moments the counts tell the state
    moments as (
        select person_id, source_name, episode_no, start_at as moment_at, is_asleep, is_awake, is_deep, is_rem
        from numbered
        union all
        select person_id, source_name, episode_no, end_at, - is_asleep, - is_awake, - is_deep, - is_rem
        from numbered
    ),

    steps as (
        select
            person_id,
            source_name,
            episode_no,
            moment_at,
            sum(is_asleep) as asleep,
            sum(is_awake) as awake,
            sum(is_deep) as deep,
            sum(is_rem) as rem
        from moments
        group by person_id, source_name, episode_no, moment_at
    ),

    states as (
        select
            person_id,
            source_name,
            episode_no,
            moment_at,
            lead(moment_at) over episode as until_at,
            sum(asleep) over running as asleep,
            sum(awake) over running as awake,
            sum(deep) over running as deep,
            sum(rem) over running as rem
        from steps
        window
            episode as (partition by person_id, source_name, episode_no order by moment_at),
            running as (
                partition by person_id, source_name, episode_no
                order by moment_at
                rows between unbounded preceding and current row
            )
    ),

    measured as (
        select
            person_id,
            source_name,
            episode_no,
            sum(epoch_us(until_at) - epoch_us(moment_at)) filter (asleep > 0 and awake = 0) as asleep_us,
            sum(epoch_us(until_at) - epoch_us(moment_at)) filter (deep > 0 and awake = 0) as deep_us,
            sum(epoch_us(until_at) - epoch_us(moment_at)) filter (rem > 0 and awake = 0) as rem_us,
            min(moment_at) filter (asleep > 0 and awake = 0) as asleep_from_at,
            max(until_at) filter (asleep > 0 and awake = 0) as asleep_to_at
        from states
        where until_at is not null
        group by person_id, source_name, episode_no
    ),

    described as (
        select
            person_id,
            source_name,
            episode_no,
            min(source_rank) as source_rank,
            max_by(local_shift, end_at) as local_shift,
            max(known_at) as known_at,
            bool_and(is_recorded) as is_recorded
        from numbered
        group by person_id, source_name, episode_no
    ),

    from_stages as (
        select
            measured.person_id,
            described.source_rank * 2 as preference,
            measured.source_name,
            measured.asleep_from_at,
            measured.asleep_to_at,
            described.local_shift,
            measured.asleep_us / 60000000.0 as asleep_min,
            measured.deep_us / 60000000.0 as deep_min,
            measured.rem_us / 60000000.0 as rem_min,
            described.known_at,
            described.is_recorded
        from measured
        inner join
            described
            on described.person_id = measured.person_id
            and described.source_name = measured.source_name
            and described.episode_no = measured.episode_no
        where measured.asleep_us > 0
    ),

    -- sources that give only how long the person slept
    from_duration as (
        select
            person_id,
            source_rank * 2 + 1 as preference,
            source_name,
            start_at as asleep_from_at,
            end_at as asleep_to_at,
            local_end_at - end_at as local_shift,
            value as asleep_min,
            cast(null as double) as deep_min,
            cast(null as double) as rem_min,
            known_at,
            is_recorded
        from samples
        where metric = 'sleep_duration' and end_at > start_at and value > 0
    ),

    episodes as (
        select *, cast(asleep_to_at + local_shift as date) as local_date
        from from_stages
        union all
        select *, cast(asleep_to_at + local_shift as date) as local_date
        from from_duration
    ),

    -- the best source of a date; its longest episode is the main sleep, the others are naps
    chosen as (
        select *
        from episodes
        qualify dense_rank() over (partition by person_id, local_date order by preference, source_name) = 1
    ),

    main_sleep as (
        select
            person_id,
            local_date,
            source_name,
            asleep_from_at,
            asleep_to_at,
            round(cast(asleep_min as double), 6) as sleep_minutes,
            round(cast(deep_min as double), 6) as deep_sleep_minutes,
            round(cast(rem_min as double), 6) as rem_sleep_minutes,
            round(
                cast(
                    sum(cast(asleep_min as decimal(24, 6))) over (
                        partition by person_id, local_date
                    ) as double
                )
                - asleep_min,
                6
            ) as nap_minutes,
            -- hours from local midnight of the wake date; before midnight it is negative
            round(
                (
                    (epoch_us(asleep_from_at) + epoch_us(asleep_to_at)) / 2
                    + epoch_us(timestamp '1970-01-01' + local_shift)
                    - epoch_us(cast(local_date as timestamp))
                )
                / 3600000000.0,
                6
            ) as sleep_midpoint_hour,
            known_at,
            is_recorded
        from chosen
        qualify
            row_number() over (partition by person_id, local_date order by asleep_min desc, asleep_from_at)
            = 1
    ),

    oxygen as (
        select
            concat_ws('|', main_sleep.person_id, cast(main_sleep.local_date as varchar)) as series,
            samples.start_at as happened_at,
            samples.value
        from main_sleep
        inner join
            samples
            on samples.person_id = main_sleep.person_id
            and samples.start_at between main_sleep.asleep_from_at and main_sleep.asleep_to_at
        where samples.metric = 'oxygen_saturation' and samples.value is not null
        qualify
            samples.source_rank
            = min(samples.source_rank) over (partition by main_sleep.person_id, main_sleep.local_date)
    ),

    desaturations as (select * from ({{ oxygen_desaturation("oxygen") }})),

    final as (
        select
            main_sleep.*,
            round(desaturations.odi_3, 6) as oxygen_desaturation_index_3,
            round(desaturations.odi_4, 6) as oxygen_desaturation_index_4
        from main_sleep
        left join
            desaturations
            on desaturations.series
            = concat_ws('|', main_sleep.person_id, cast(main_sleep.local_date as varchar))
    )

select *
from final
