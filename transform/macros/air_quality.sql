{# The US air quality index of each row of `measurement` (date, pollutant, value, unit, …) by the table in force on the day. #}
{# A concentration is cut, not rounded, to the digits of the table and interpolated in its band: 40 CFR 58, appendix G. #}
{% macro air_quality_index(measurement, breakpoint) %}
    with
        numbered as (select row_number() over () as row_no, * from {{ measurement }}),

        -- parts per million and per billion, milligrams and micrograms; a unit of another kind is refused
        unit as (
            select *
            from
                (
                    values
                        ('ug/m3', 'ug/m3', 1.0),
                        ('µg/m3', 'ug/m3', 1.0),
                        ('µg/m³', 'ug/m3', 1.0),
                        ('mg/m3', 'ug/m3', 1000.0),
                        ('ppm', 'ppm', 1.0),
                        ('ppb', 'ppm', 0.001),
                        ('ppb', 'ppb', 1.0),
                        ('ppm', 'ppb', 1000.0)
                ) as unit(written, wanted, factor)
        ),

        known as (
            select pollutant, any_value(unit) as unit, any_value(digits) as digits
            from {{ breakpoint }}
            group by all
        ),

        cut as (
            select
                numbered.row_no,
                known.pollutant,
                numbered.date,
                -- a little more than the digits of a double, so that 0.077 stays 0.077
                floor(round(numbered.value * unit.factor * pow(10, known.digits), 6))::bigint as units,
                known.digits,
                case
                    when known.pollutant is null
                    then 'unknown_pollutant'
                    when unit.factor is null
                    then 'unknown_unit'
                    when numbered.value is null or not isfinite(numbered.value) or numbered.value < 0
                    then 'invalid_value'
                    when numbered.date is null
                    then 'invalid_date'
                end as problem
            from numbered
            left join known on known.pollutant = numbered.pollutant
            left join unit on unit.written = numbered.unit and unit.wanted = known.unit
        ),

        found as (
            select
                cut.row_no,
                any_value(cut.problem) as problem,
                any_value(
                    round(
                        (b.index_high - b.index_low)
                        / (b.high - b.low)
                        * (cut.units / pow(10, cut.digits) - b.low)
                        + b.index_low
                    )
                ) filter (
                    cut.units between round(b.low * pow(10, b.digits)) and round(b.high * pow(10, b.digits))
                ) as index,
                any_value(b.source) as source,
                bool_and(cut.units > round(b.high * pow(10, b.digits))) as is_beyond
            from cut
            left join
                {{ breakpoint }} as b
                on b.pollutant = cut.pollutant
                and cut.date >= b.valid_from
                and cut.date < coalesce(b.valid_to, date '9999-12-31')
            group by cut.row_no
        )

    select
        numbered.*,
        case when problem is null then index::integer end as aqi,
        case
            when problem is not null or index is null
            then null
            when index <= 50
            then 'good'
            when index <= 100
            then 'moderate'
            when index <= 150
            then 'unhealthy_for_sensitive_groups'
            when index <= 200
            then 'unhealthy'
            when index <= 300
            then 'very_unhealthy'
            else 'hazardous'
        end as category,
        source as table_source,
        case
            when problem is not null
            then problem
            when source is null
            then 'no_table_for_the_date'
            when index is null and is_beyond
            then 'beyond_the_table'
            when index is null
            then 'below_the_table'
        end as problem
    from found
    inner join numbered using (row_no)
{% endmacro %}
