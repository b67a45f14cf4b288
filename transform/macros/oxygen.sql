{# Drops of oxygen saturation an hour (ODI) by series: each at least 3 or 4 points below the mean of the two minutes before, #}
{# for at least ten seconds (Chung et al., Anesth Analg 2012;114:993). `reading` names a relation (series, happened_at, value). #}
{# Only readings at most 15 s apart can show one, and only four hours of them make an index (Kapur, J Clin Sleep Med 2017;13:479). #}
{% macro oxygen_desaturation(reading, least_hours=4) %}
    with
        stepped as (
            select
                series,
                happened_at,
                avg(value) as value,
                epoch(happened_at - lag(happened_at) over (partition by series order by happened_at)) as gap_s
            from {{ reading }} as reading
            where value is not null and happened_at is not null
            group by series, happened_at
        ),

        stretched as (
            select
                *,
                sum(case when coalesce(gap_s, 16) > 15 then 1 else 0 end) over (
                    partition by series order by happened_at rows unbounded preceding
                ) as stretch_no
            from stepped
        ),

        compared as (
            select
                *,
                avg(value) over (
                    partition by series, stretch_no
                    order by
                        happened_at
                        range between interval 120 seconds preceding and interval 1 microsecond preceding
                ) as baseline
            from stretched
        ),

        measured as (
            select series, sum(gap_s) filter (gap_s <= 15) as measured_s from stepped group by series
        ),

        {% for points in [3, 4] %}
            marked_{{ points }} as (
                select
                    *,
                    coalesce(value <= baseline - {{ points }}, false) as is_low,
                    sum(case when coalesce(value <= baseline - {{ points }}, false) then 0 else 1 end) over (
                        partition by series order by happened_at rows unbounded preceding
                    ) as run_no
                from compared
            ),

            drops_{{ points }} as (
                select series, count(*) as drops
                from
                    (
                        select series
                        from marked_{{ points }}
                        where is_low
                        group by series, stretch_no, run_no
                        having epoch(max(happened_at) - min(happened_at)) >= 10
                    )
                group by series
            )
            {{- "," if not loop.last }}
        {% endfor %}

    select
        measured.series,
        measured.measured_s,
        coalesce(drops_3.drops, 0) * 3600 / measured.measured_s as odi_3,
        coalesce(drops_4.drops, 0) * 3600 / measured.measured_s as odi_4
    from measured
    left join drops_3 on drops_3.series = measured.series
    left join drops_4 on drops_4.series = measured.series
    where measured.measured_s >= {{ least_hours }} * 3600
{% endmacro %}
