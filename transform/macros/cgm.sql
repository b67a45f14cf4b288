{# Metrics of continuous glucose by series and part of it. `reading` names a relation (series, part, happened_at, mg_dl): #}
{# series tells people apart, part what is reported by itself, such as a local day, at its own pace; episodes and #}
{# differences look across. #}
{# -- #}
{# Ranges, coefficient of variation, episodes of at least 15 minutes that end after 15 minutes outside, prolonged #}
{# hypoglycaemia of 120 minutes, and 70 % of 14 days as enough: Battelino et al., Lancet Diabetes Endocrinol 2023;11:42. #}
{# GMI: Bergenstal et al., Diabetes Care 2018;41:2275. GRI: Klonoff et al., J Diabetes Sci Technol 2023;17:1226. #}
{# LBGI, HBGI: Kovatchev et al., Diabetes Care 2006;29:2433. J-index: Wojcicki, Horm Metab Res 1995;27:41. #}
{# MODD: Molnar et al., Diabetologia 1972;8:342. CONGA: McDonnell et al., Diabetes Technol Ther 2005;7:253. #}
{# MAGE: Service et al., Diabetes 1970;19:644, excursions of at least one standard deviation in the direction of the first. #}
{% macro cgm_metrics(reading) %}
    with
        single as (
            select series, part, happened_at, any_value(mg_dl order by mg_dl) as mg_dl
            from {{ reading }} as reading
            where mg_dl is not null and happened_at is not null
            group by series, part, happened_at
        ),

        spaced as (
            select
                *,
                date_diff(
                    'second', lag(happened_at) over (partition by series order by happened_at), happened_at
                ) as since_s,
                date_diff(
                    'second',
                    lag(happened_at) over (partition by series, part order by happened_at),
                    happened_at
                ) as since_in_part_s
            from single
        ),

        pace as (
            select series, part, coalesce(median(since_in_part_s), 300) as step_s
            from spaced
            group by series, part
        ),

        risk as (
            select series, part, mg_dl, 1.509 * (pow(ln(mg_dl), 1.084) - 5.381) as f
            from single
            where mg_dl > 1
        ),

        risk_of as (
            select
                series,
                part,
                avg(case when f < 0 then 10 * f * f else 0 end) as lbgi,
                avg(case when f > 0 then 10 * f * f else 0 end) as hbgi
            from risk
            group by series, part
        ),

        summary as (
            select
                series,
                part,
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
            group by series, part
        ),

        -- the reading nearest to some hours before, no further from that moment than half a step
        wanted as (
            select
                single.*,
                lags.hours,
                pace.step_s,
                single.happened_at
                - to_hours(lags.hours)
                + to_microseconds((pace.step_s * 500000)::bigint) as before_at
            from single
            inner join pace using (series, part)
            cross join (values (1), (2), (4), (24)) as lags(hours)
        ),

        apart as (
            select
                wanted.series,
                wanted.part,
                wanted.hours,
                wanted.step_s,
                wanted.mg_dl - earlier.mg_dl as difference,
                abs(
                    date_diff('second', earlier.happened_at, wanted.happened_at) - wanted.hours * 3600
                ) as off_s
            from wanted
            asof join
                single as earlier
                on wanted.series = earlier.series
                and wanted.before_at >= earlier.happened_at
        ),

        differences as (
            select
                series,
                part,
                avg(abs(difference)) filter (hours = 24) as modd_mg_dl,
                stddev_samp(difference) filter (hours = 1) as conga_1h_mg_dl,
                stddev_samp(difference) filter (hours = 2) as conga_2h_mg_dl,
                stddev_samp(difference) filter (hours = 4) as conga_4h_mg_dl
            from apart
            where off_s <= step_s / 2.0
            group by series, part
        ),

        level as (
            select *
            from
                (
                    values
                        ('below_70', 70, true),
                        ('below_54', 54, true),
                        ('above_180', 180, false),
                        ('above_250', 250, false)
                ) as level(name, edge, is_low)
        ),

        marked as (
            select
                spaced.series,
                spaced.part,
                level.name,
                spaced.happened_at,
                pace.step_s,
                case when level.is_low then mg_dl < level.edge else mg_dl > level.edge end as is_out,
                coalesce(spaced.since_s > 900 + pace.step_s, true) as is_after_gap
            from spaced
            inner join pace using (series, part)
            cross join level
        ),

        numbered as (
            select
                *,
                sum((is_after_gap or is_out is distinct from was_out)::int) over (
                    partition by series, name order by happened_at rows unbounded preceding
                ) as run_no
            from
                (
                    select *, lag(is_out) over (partition by series, name order by happened_at) as was_out
                    from marked
                )
        ),

        -- a reading stands for one step of time
        run as (
            select
                series,
                name,
                run_no,
                arg_min(part, happened_at) as part,
                min(happened_at) as start_at,
                max(happened_at) + to_seconds(arg_max(step_s, happened_at)) as end_at
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
            from
                (
                    select *, lag(end_at) over (partition by series, name order by start_at) as before_at
                    from run
                )
        ),

        episode as (
            select
                series,
                name,
                episode_no,
                -- an episode counts where it began
                arg_min(part, start_at) as part,
                date_diff('second', min(start_at), max(end_at)) / 60.0 as minutes
            from joined
            group by series, name, episode_no
            having max(date_diff('second', start_at, end_at)) >= 900
        ),

        episodes as (
            select
                series,
                part,
                count(*) filter (name = 'below_70') as episodes_below_70,
                count(*) filter (name = 'below_54') as episodes_below_54,
                count(*) filter (name = 'below_70' and minutes >= 120) as episodes_below_70_prolonged,
                count(*) filter (name = 'above_180') as episodes_above_180,
                count(*) filter (name = 'above_250') as episodes_above_250
            from episode
            group by series, part
        ),

        -- from extreme to extreme: a turn counts once glucose has come back by a standard deviation
        walked as (
            select
                series,
                part,
                list_reduce(
                    list(
                        struct_pack(
                            v := mg_dl,
                            sd := sd_mg_dl,
                            way := 0,
                            low := mg_dl,
                            high := mg_dl,
                            corner := mg_dl,
                            extreme := mg_dl,
                            up := 0.0::double,
                            ups := 0,
                            down := 0.0::double,
                            downs := 0,
                            first_way := 0
                        )
                        order by happened_at
                    ),
                    lambda a,
                    b:{{ mage_step("a", "b") }}
                ) as w
            from single
            inner join summary using (series, part)
            where sd_mg_dl > 0
            group by series, part
        ),

        excursions as (
            select
                series,
                part,
                -- the last one is over where the readings end
                case
                    when w.first_way = 1
                    then
                        (w.up + case when w.way = 1 then w.extreme - w.corner else 0 end)
                        / (w.ups + (w.way = 1)::int)
                    when w.first_way = -1
                    then
                        (w.down + case when w.way = -1 then w.corner - w.extreme else 0 end)
                        / (w.downs + (w.way = -1)::int)
                end as mage_mg_dl
            from walked
        )

    select
        summary.series,
        summary.part,
        readings,
        first_at,
        last_at,
        step_s,
        date_diff('second', first_at, last_at) / 86400.0 as days,
        least(
            100.0, 100.0 * readings / (date_diff('second', first_at, last_at) / step_s + 1)
        ) as active_percent,
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
        mage_mg_dl,
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
    inner join pace using (series, part)
    left join risk_of using (series, part)
    left join differences using (series, part)
    left join episodes using (series, part)
    left join excursions using (series, part)
{% endmacro %}

{# One reading further: `a` is the walk so far, `b` the next reading. #}
{% macro mage_step(a, b) -%}
    struct_pack(
        v := {{ b }}.v,
        sd := {{ a }}.sd,
        way := case
            when {{ a }}.way >= 0 and {{ mage_turn(a, b, "falls") }}
            then -1
            when {{ a }}.way <= 0 and {{ mage_turn(a, b, "rises") }}
            then 1
            else {{ a }}.way
        end,
        low := least({{ a }}.low, {{ b }}.v),
        high := greatest({{ a }}.high, {{ b }}.v),
        corner := case
            when {{ a }}.way = 1 and {{ mage_turn(a, b, "falls") }}
            then {{ a }}.extreme
            when {{ a }}.way = -1 and {{ mage_turn(a, b, "rises") }}
            then {{ a }}.extreme
            when {{ a }}.way = 0 and {{ mage_turn(a, b, "falls") }}
            then {{ a }}.high
            when {{ a }}.way = 0 and {{ mage_turn(a, b, "rises") }}
            then {{ a }}.low
            else {{ a }}.corner
        end,
        extreme := case
            when {{ a }}.way = 1 and not {{ mage_turn(a, b, "falls") }}
            then greatest({{ a }}.extreme, {{ b }}.v)
            when {{ a }}.way = -1 and not {{ mage_turn(a, b, "rises") }}
            then least({{ a }}.extreme, {{ b }}.v)
            else {{ b }}.v
        end,
        up
        := {{ a }}.up
        + case
            when {{ a }}.way = 1 and {{ mage_turn(a, b, "falls") }}
            then {{ a }}.extreme - {{ a }}.corner
            else 0
        end,
        ups := {{ a }}.ups + ({{ a }}.way = 1 and {{ mage_turn(a, b, "falls") }})::int,
        down
        := {{ a }}.down
        + case
            when {{ a }}.way = -1 and {{ mage_turn(a, b, "rises") }}
            then {{ a }}.corner - {{ a }}.extreme
            else 0
        end,
        downs := {{ a }}.downs + ({{ a }}.way = -1 and {{ mage_turn(a, b, "rises") }})::int,
        first_way := case
            when {{ a }}.first_way <> 0
            then {{ a }}.first_way
            when {{ mage_turn(a, b, "falls") }}
            then -1
            when {{ mage_turn(a, b, "rises") }}
            then 1
            else 0
        end
    )
{%- endmacro %}

{# The next reading lies a standard deviation beyond the extreme that the walk came from. #}
{% macro mage_turn(a, b, way) -%}
    {%- if way == "falls" -%}
        (case when {{ a }}.way = 0 then {{ a }}.high else {{ a }}.extreme end - {{ b }}.v >= {{ a }}.sd)
    {%- else -%}
        ({{ b }}.v - case when {{ a }}.way = 0 then {{ a }}.low else {{ a }}.extreme end >= {{ a }}.sd)
    {%- endif -%}
{%- endmacro %}

{# The ambulatory glucose profile: quantiles by series and hour of the day. `reading` as above. #}
{% macro glucose_profile(reading) %}
    select
        series,
        hour(happened_at) as hour,
        count(*) as readings,
        {% for name, share in [("p5", 0.05), ("p25", 0.25), ("median", 0.5), ("p75", 0.75), ("p95", 0.95)] -%}
            quantile_cont(mg_dl, {{ share }}) as {{ name }}_mg_dl{{ "," if not loop.last }}
        {% endfor %}
    from {{ reading }} as reading
    where mg_dl is not null and happened_at is not null
    group by series, hour
{% endmacro %}
