-- One row per sample of a person, whatever was delivered twice, in two steps. The same content in several
-- files or lines is one sample. And where a source states the same interval again with another value (a day
-- that was still running when it was sent), the delivery that reaches furthest wins. Neither depends on the
-- order of arrival. Nearly all samples come once: only those of an interval that comes again are compared. An
-- increment reads back from the first new day of a person as far as its days look: a
-- report of glucose is of fourteen days, and days of the world's zones begin up to fourteen hours apart.
{{ config(materialized="table") }}
{% set columns = [
    "source_system",
    "source_person_key",
    "metric",
    "start_at",
    "end_at",
    "utc_offset_min",
    "time_zone",
    "tz_source",
    "value",
    "value_text",
    "censor",
    "source_type",
    "device_name",
    "source_app",
] %}
-- depends_on: {{ ref("int_wearable_day__touched") }}
with
    {% if in_increment() %}
        {% set first %}
            select coalesce(min(least(sleep_from_at, from_date - interval 17 days)), timestamp '1900-01-01')
            from {{ ref("int_wearable_day__touched") }}
        {% endset %}
        samples as (
            select delivered.*
            from {{ ref("stg_wearables__sample") }} as delivered
            inner join
                {{ ref("int_wearable_day__touched") }} as new_days
                on new_days.source_system = delivered.source_system
                and new_days.source_person_key = delivered.source_person_key
            where
                -- of all people, so that it reaches the Parquet files' own statistics
                delivered.end_at >= timestamp '{{ run_query(first).columns[0].values()[0] }}'
                and delivered.end_at >= case
                    when delivered.metric in ('sleep_stage', 'sleep_duration', 'oxygen_saturation')
                    then new_days.sleep_from_at
                    when delivered.metric = 'glucose'
                    then new_days.from_date - interval 17 days
                    else new_days.from_date - interval 14 hours
                end
        ),
    {% else %} samples as (select * from {{ ref("stg_wearables__sample") }}),
    {% endif %}

    links as (select * from {{ ref("twin_person_link") }} where id_type = 'account'),

    metrics as (select * from {{ ref("wearable_metric") }}),

    ranks as (select * from {{ ref("wearable_source_rank") }}),

    keyed as not materialized(
        select
            *,
            hash(
                source_system,
                source_person_key,
                metric,
                start_at,
                end_at,
                source_type,
                device_name,
                source_app,
                value_text
            ) as interval_hash
        from samples
    ),

    repeated as (select interval_hash from keyed group by interval_hash having count(*) > 1),

    once as (
        select {{ columns | join(", ") }}, recorded_at
        from keyed
        where interval_hash not in (select interval_hash from repeated)
    ),

    several as (select * from keyed where interval_hash in (select interval_hash from repeated)),

    -- of the whole file, whoever and whatever else it speaks of
    horizons as (
        select file_id, max(end_at) as reaches_to
        from {{ ref("stg_wearables__sample") }}
        where file_id in (select file_id from several)
        group by file_id
    ),

    distinct_content as (
        select
            {% for column in columns %} several.{{ column }}, {% endfor %}
            min(several.recorded_at) as recorded_at,
            max(horizons.reaches_to) as reaches_to
        from several
        inner join horizons on horizons.file_id = several.file_id
        group by all
    ),

    latest as (
        select distinct_content.* exclude (reaches_to)
        from distinct_content
        left join metrics on metrics.metric = distinct_content.metric
        qualify
            row_number() over (
                partition by
                    distinct_content.source_system,
                    distinct_content.source_person_key,
                    distinct_content.metric,
                    distinct_content.start_at,
                    distinct_content.end_at,
                    distinct_content.source_type,
                    distinct_content.device_name,
                    distinct_content.source_app,
                    distinct_content.value_text,
                    case
                        when metrics.kind = 'cumulative' or distinct_content.source_type = 'daily_summary'
                        then null
                        else distinct_content.value
                    end
                order by
                    distinct_content.reaches_to desc,
                    distinct_content.value desc,
                    distinct_content.recorded_at nulls last,
                    distinct_content.tz_source,
                    distinct_content.time_zone,
                    distinct_content.utc_offset_min
            )
            = 1
    ),

    single as (
        select *
        from once
        union all
        select *
        from latest
    ),

    final as (
        select links.person_id, single.*, metrics.kind, coalesce(ranks.source_rank, 4) as source_rank
        from single
        inner join
            links
            on links.source_system = single.source_system
            and links.source_person_key = single.source_person_key
        left join metrics on metrics.metric = single.metric
        left join ranks on ranks.source_type = single.source_type
    )

select *
from final
