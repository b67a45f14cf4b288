-- One row per sample with its UTC and its local time. An increment holds the samples of the days that it
-- computes anew, and what these days look back at.
{{ config(materialized="table") }}
-- depends_on: {{ ref("int_wearable_day__touched") }}
with
    samples as (select * from {{ ref("int_wearable_sample__single") }}),

    placed as ({{ on_own_clock("samples", ref("twin_person_time_zone")) }}),

    final as (
        select
            person_id,
            source_system,
            source_person_key,
            metric,
            kind,
            start_at,
            end_at,
            local_start_at,
            local_end_at,
            cast(local_start_at as date) as local_date,
            time_zone,
            zone_basis,
            value,
            value_text,
            censor,
            source_type,
            source_rank,
            device_name,
            source_app,
            concat_ws('|', source_system, source_person_key, source_app, device_name) as source_name,
            -- a device's value cannot be known before it was measured
            greatest(end_at, coalesce(recorded_at, end_at)) as known_at,
            recorded_at is not null as is_recorded
        from placed
        {% if in_increment() %}
            inner join {{ new_days() }} as new_days using (person_id)
            where
                metric in ('sleep_stage', 'sleep_duration', 'oxygen_saturation', 'glucose')
                or local_end_at >= from_date
        {% endif %}
    )

select *
from final
