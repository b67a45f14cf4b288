{# Rest-activity rhythm by series. `activity` names a relation (series, happened_at, value): local times, any spacing. #}
{# IS, IV, L5, M10 and RA on hourly means: Witting et al., Biol Psychiatry 1990;27:563; van Someren et al., Biol Psychiatry #}
{# 1996;40:259. An hour without a value is not zero: it is left out, and so is the step across it. #}
{% macro circadian_rhythm(activity) %}
    with
        hourly as (
            select series, time_bucket(interval 1 hour, happened_at) as hour_at, avg(value) as value
            from {{ activity }} as activity
            where value is not null and happened_at is not null
            group by all
        ),

        stepped as (
            select
                *,
                case
                    when lag(hour_at) over one = hour_at - interval 1 hour then value - lag(value) over one
                end as step
            from hourly
            window one as (partition by series order by hour_at)
        ),

        whole as (
            select
                series,
                count(*) as hours,
                count(distinct hour_at::date) as days,
                avg(value) as mean_value,
                var_pop(value) as variance,
                avg(step * step) as step_square
            from stepped
            group by series
        ),

        -- the average day
        profile as (
            select series, hour(hour_at) as clock_hour, avg(value) as value, count(*) as weight
            from hourly
            group by all
        ),

        between_hours as (
            select
                profile.series,
                sum(profile.weight * pow(profile.value - whole.mean_value, 2))
                / any_value(whole.hours) as variance
            from profile
            inner join whole using (series)
            group by profile.series
        ),

        -- every stretch of five and of ten hours of the average day, around midnight too
        stretch as (
            select
                start.series,
                start.clock_hour as onset_hour,
                length.hours,
                avg(inside.value) as value,
                count(*) as found
            from profile as start
            cross join (values (5), (10)) as length(hours)
            inner join
                profile as inside
                on inside.series = start.series
                and (inside.clock_hour - start.clock_hour + 24) % 24 < length.hours
            group by all
        ),

        extremes as (
            select
                series,
                min(value) filter (hours = 5) as l5,
                arg_min(onset_hour, (value, onset_hour)) filter (hours = 5) as l5_onset_hour,
                max(value) filter (hours = 10) as m10,
                arg_max(onset_hour, (value, - onset_hour)) filter (hours = 10) as m10_onset_hour
            from stretch
            where found = hours
            group by series
        )

    select
        whole.series,
        hours,
        days,
        mean_value,
        between_hours.variance / nullif(whole.variance, 0) as interdaily_stability,
        step_square / nullif(whole.variance, 0) as intradaily_variability,
        l5,
        l5_onset_hour,
        m10,
        m10_onset_hour,
        (m10 - l5) / nullif(m10 + l5, 0) as relative_amplitude
    from whole
    inner join between_hours using (series)
    left join extremes using (series)
{% endmacro %}

{# One cosine of 24 hours by series, by least squares over hourly values: Cornelissen, Theor Biol Med Model 2014;11:16. #}
{# The normal equations of three unknowns, solved by Cramer's rule. `activity` as above. #}
{% macro cosinor(activity) %}
    {%- set angle = "2 * pi() * (epoch(happened_at) % 86400) / 86400" %}
    with
        wave as (
            select series, value as y, cos({{ angle }}) as c, sin({{ angle }}) as s
            from {{ activity }} as activity
            where value is not null and happened_at is not null
        ),

        sums as (
            select
                series,
                count(*) as n,
                sum(c) as c,
                sum(s) as s,
                sum(y) as y,
                sum(c * c) as cc,
                sum(s * s) as ss,
                sum(c * s) as cs,
                sum(c * y) as cy,
                sum(s * y) as sy,
                sum(y * y) as yy
            from wave
            group by series
            having count(*) >= 4
        ),

        whole as (
            select *, n * (cc * ss - cs * cs) - c * (c * ss - cs * s) + s * (c * cs - cc * s) as det from sums
        ),

        solved as (
            select
                *,
                (y * (cc * ss - cs * cs) - c * (cy * ss - cs * sy) + s * (cy * cs - cc * sy)) / det as m,
                (n * (cy * ss - cs * sy) - y * (c * ss - cs * s) + s * (c * sy - cy * s)) / det as b,
                (n * (cc * sy - cy * cs) - c * (c * sy - cy * s) + y * (c * cs - cc * s)) / det as g
            from whole
            -- of values that all stand at the same hours there is no cosine
            where det > 1e-9 * n * n * n
        )

    select
        series,
        m as mesor,
        sqrt(b * b + g * g) as amplitude,
        (atan2(g, b) / (2 * pi()) * 24 + 24) % 24 as acrophase_hour,
        1 - (yy - m * y - b * cy - g * sy) / nullif(yy - y * y / n, 0) as r_squared
    from solved
{% endmacro %}
