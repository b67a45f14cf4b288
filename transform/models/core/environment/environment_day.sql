with
    readings as (select * from {{ ref("stg_environment__reading") }}),

    -- one reading per region, day, parameter and source, whatever was delivered twice
    single as (
        select distinct source_system, region_id, local_date, parameter, value
        from readings
        where value is not null and region_id is not null and local_date is not null
    ),

    days as (
        select
            cast(region_id as varchar) as region_id,
            cast(local_date as date) as date,
            {% for parameter in [
                "pm2_5",
                "pm10",
                "no2",
                "o3",
                "temperature_mean",
                "temperature_max",
                "humidity",
                "noise",
                "pollen",
            ] %}
                cast(
                    round(avg(value) filter (where parameter = '{{ parameter }}'), 6) as double
                ) as {{ parameter }}
                {%- if not loop.last %},{% endif %}
            {% endfor %}
        from single
        group by region_id, local_date
    ),

    -- daily means are what the index wants of particles; of gases it wants the worst hours, which are not
    -- here
    particles as (
        select region_id, date, 'pm2_5_24h' as pollutant, pm2_5 as value, 'ug/m3' as unit
        from days
        where pm2_5 is not null
        union all
        select region_id, date, 'pm10_24h', pm10, 'ug/m3'
        from days
        where pm10 is not null
    ),

    indexed as (select * from ({{ air_quality_index("particles", ref("aqi_breakpoint")) }})),

    worst as (
        select
            region_id,
            date,
            max(aqi) as aqi,
            arg_max(category, (aqi, pollutant)) as aqi_category,
            arg_max(replace(pollutant, '_24h', ''), (aqi, pollutant)) as aqi_pollutant,
            arg_max(table_source, (aqi, pollutant)) as aqi_table
        from indexed
        where aqi is not null
        group by region_id, date
    ),

    final as (
        select
            days.*,
            cast(worst.aqi as integer) as aqi,
            cast(worst.aqi_category as varchar) as aqi_category,
            cast(worst.aqi_pollutant as varchar) as aqi_pollutant,
            cast(worst.aqi_table as varchar) as aqi_table
        from days
        left join worst on worst.region_id = days.region_id and worst.date = days.date
    )

select *
from final
