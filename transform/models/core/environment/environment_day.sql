with
    readings as (select * from {{ ref("stg_environment__reading") }}),

    -- one reading per region, day, parameter and source, whatever was delivered twice
    single as (
        select distinct source_system, region_id, local_date, parameter, value
        from readings
        where value is not null and region_id is not null and local_date is not null
    ),

    final as (
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
            ] %}
                cast(
                    round(avg(value) filter (where parameter = '{{ parameter }}'), 6) as double
                ) as {{ parameter }}
                {%- if not loop.last %},{% endif %}
            {% endfor %}
        from single
        group by region_id, local_date
    )

select *
from final
