-- Metrics of continuous glucose by series. Input: reading (series, happened_at, mg_dl), one row per reading.
--
-- Ranges, coefficient of variation, episodes of at least 15 minutes that end after 15 minutes outside, prolonged
-- hypoglycaemia of 120 minutes, and 70 % of 14 days as enough: Battelino et al., Lancet Diabetes Endocrinol 2023;11:42.
-- GMI: Bergenstal et al., Diabetes Care 2018;41:2275. GRI: Klonoff et al., J Diabetes Sci Technol 2023;17:1226.
-- LBGI, HBGI: Kovatchev et al., Diabetes Care 2006;29:2433. J-index: Wojcicki, Horm Metab Res 1995;27:41.
-- MODD: Molnar et al., Diabetologia 1972;8:342. CONGA: McDonnell et al., Diabetes Technol Ther 2005;7:253.
with
    single as (
        select series, happened_at, any_value(mg_dl order by mg_dl) as mg_dl
        from reading
        where mg_dl is not null and happened_at is not null
        group by series, happened_at
    ),

    spaced as (
        select *, date_diff('second', lag(happened_at) over (partition by series order by happened_at), happened_at) as since_s
        from single
    ),

    pace as (
        select series, coalesce(median(since_s), 300) as step_s from spaced group by series
    ),

    risk as (
        select series, mg_dl, 1.509 * (pow(ln(mg_dl), 1.084) - 5.381) as f from single where mg_dl > 1
    ),

    risk_of as (
        select
            series,
            avg(case when f < 0 then 10 * f * f else 0 end) as lbgi,
            avg(case when f > 0 then 10 * f * f else 0 end) as hbgi
        from risk
        group by series
    ),

    summary as (
        select
            series,
            count(*) as readings,
            min(happened_at) as first_at,
            max(happened_at) as last_at,
            avg(mg_dl) as mean_mg_dl,
            stddev_samp(mg_dl) as sd_mg_dl,
            min(mg_dl) as min_mg_dl,
            max(mg_dl) as max_mg_dl,
            quantile_cont(mg_dl, [0.05, 0.25, 0.5, 0.75, 0.95]) as quantiles,
            100.0 * count(*) filter (mg_dl between 70 and 180) / count(*) as time_in_range,
            100.0 * count(*) filter (mg_dl >= 70 and mg_dl <= 140) / count(*) as time_in_tight_range,
            100.0 * count(*) filter (mg_dl < 70) / count(*) as time_below_70,
            100.0 * count(*) filter (mg_dl < 54) / count(*) as time_below_54,
            100.0 * count(*) filter (mg_dl > 180) / count(*) as time_above_180,
            100.0 * count(*) filter (mg_dl > 250) / count(*) as time_above_250
        from single
        group by series
    ),

    -- the reading nearest to some hours before, no further from that moment than half a step
    wanted as (
        select
            single.*,
            lags.hours,
            pace.step_s,
            single.happened_at - to_hours(lags.hours) + to_microseconds((pace.step_s * 500000)::bigint) as before_at
        from single
        inner join pace using (series)
        cross join (values (1), (2), (4), (24)) as lags(hours)
    ),

    apart as (
        select
            wanted.series,
            wanted.hours,
            wanted.step_s,
            wanted.mg_dl - earlier.mg_dl as difference,
            abs(date_diff('second', earlier.happened_at, wanted.happened_at) - wanted.hours * 3600) as off_s
        from wanted
        asof join single as earlier on wanted.series = earlier.series and wanted.before_at >= earlier.happened_at
    ),

    differences as (
        select
            series,
            avg(abs(difference)) filter (hours = 24) as modd_mg_dl,
            stddev_samp(difference) filter (hours = 1) as conga_1h_mg_dl,
            stddev_samp(difference) filter (hours = 2) as conga_2h_mg_dl,
            stddev_samp(difference) filter (hours = 4) as conga_4h_mg_dl
        from apart
        where off_s <= step_s / 2.0
        group by series
    ),

    level as (
        select * from (values ('below_70', 70, true), ('below_54', 54, true), ('above_180', 180, false),
            ('above_250', 250, false)) as level(name, edge, is_low)
    ),

    marked as (
        select
            spaced.series,
            level.name,
            spaced.happened_at,
            pace.step_s,
            case when level.is_low then mg_dl < level.edge else mg_dl > level.edge end as is_out,
            coalesce(spaced.since_s > 900 + pace.step_s, true) as is_after_gap
        from spaced inner join pace using (series) cross join level
    ),

    numbered as (
        select
            *,
            sum((is_after_gap or is_out is distinct from was_out)::int) over (
                partition by series, name order by happened_at rows unbounded preceding
            ) as run_no
        from (
            select *, lag(is_out) over (partition by series, name order by happened_at) as was_out from marked
        )
    ),

    -- a reading stands for one step of time
    run as (
        select
            series,
            name,
            run_no,
            min(happened_at) as start_at,
            max(happened_at) + to_seconds(any_value(step_s)) as end_at
        from numbered
        where is_out
        group by series, name, run_no
    ),

    joined as (
        select
            *,
            sum((coalesce(start_at >= before_at + interval 15 minutes, true))::int) over (
                partition by series, name order by start_at rows unbounded preceding
            ) as episode_no
        from (select *, lag(end_at) over (partition by series, name order by start_at) as before_at from run)
    ),

    episode as (
        select series, name, episode_no, date_diff('second', min(start_at), max(end_at)) / 60.0 as minutes
        from joined
        group by series, name, episode_no
        having max(date_diff('second', start_at, end_at)) >= 900
    ),

    episodes as (
        select
            series,
            count(*) filter (name = 'below_70') as episodes_below_70,
            count(*) filter (name = 'below_54') as episodes_below_54,
            count(*) filter (name = 'below_70' and minutes >= 120) as episodes_below_70_prolonged,
            count(*) filter (name = 'above_180') as episodes_above_180,
            count(*) filter (name = 'above_250') as episodes_above_250
        from episode
        group by series
    )

select
    summary.series,
    readings,
    first_at,
    last_at,
    step_s,
    date_diff('second', first_at, last_at) / 86400.0 as days,
    least(100.0, 100.0 * readings / (date_diff('second', first_at, last_at) / step_s + 1)) as active_percent,
    date_diff('second', first_at, last_at) >= 13 * 86400
        and readings >= 0.7 * date_diff('second', first_at, last_at) / step_s as is_enough,
    mean_mg_dl,
    sd_mg_dl,
    100 * sd_mg_dl / mean_mg_dl as cv_percent,
    3.31 + 0.02392 * mean_mg_dl as gmi_percent,
    min_mg_dl,
    quantiles[1] as p5_mg_dl,
    quantiles[2] as p25_mg_dl,
    quantiles[3] as median_mg_dl,
    quantiles[4] as p75_mg_dl,
    quantiles[5] as p95_mg_dl,
    max_mg_dl,
    time_in_range,
    time_in_tight_range,
    time_below_70,
    time_below_54,
    time_above_180,
    time_above_250,
    least(
        100,
        3.0 * time_below_54
        + 2.4 * (time_below_70 - time_below_54)
        + 1.6 * time_above_250
        + 0.8 * (time_above_180 - time_above_250)
    ) as gri,
    lbgi,
    hbgi,
    0.001 * pow(mean_mg_dl + sd_mg_dl, 2) as j_index,
    modd_mg_dl,
    conga_1h_mg_dl,
    conga_2h_mg_dl,
    conga_4h_mg_dl,
    coalesce(episodes_below_70, 0) as episodes_below_70,
    coalesce(episodes_below_54, 0) as episodes_below_54,
    coalesce(episodes_below_70_prolonged, 0) as episodes_below_70_prolonged,
    coalesce(episodes_above_180, 0) as episodes_above_180,
    coalesce(episodes_above_250, 0) as episodes_above_250
from summary
inner join pace using (series)
left join risk_of using (series)
left join differences using (series)
left join episodes using (series)
order by series
