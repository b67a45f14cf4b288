-- One row per sample with its UTC and its local time. Local time comes from, in this order: the zone
-- that the record names; for naive local times the text itself; the record's own offset; the person's
-- zone history; and only then the offset that an export was written with, which is the phone's at
-- export time, not the sample's.
{{ config(materialized="table") }}

with
    samples as (select * from {{ ref("int_wearable_sample__single") }}),

    accounts as (select * from {{ ref("int_wearable_zone__account") }}),

    history as (select * from {{ ref("twin_person_time_zone") }}),

    zoned as (
        select
            samples.*,
            case
                when samples.tz_source = 'metadata'
                then samples.time_zone
                when samples.tz_source = 'vendor_offset'
                then null
                when samples.tz_source = 'assumed_utc'
                then coalesce(accounts.time_zone, history.time_zone)
                else history.time_zone
            end as zone
        from samples
        left join
            accounts
            on accounts.source_system = samples.source_system
            and accounts.source_person_key = samples.source_person_key
        asof left join
            history on history.person_id = samples.person_id and samples.start_at >= history.valid_from
    ),

    placed as (
        select
            * exclude (start_at, end_at, time_zone, zone),
            zone as time_zone,
            case
                when tz_source = 'assumed_utc' and zone is not null
                then timezone('UTC', timezone(zone, start_at))
                else start_at
            end as start_at,
            case
                when tz_source = 'assumed_utc' and zone is not null
                then timezone('UTC', timezone(zone, end_at))
                else end_at
            end as end_at,
            case
                when tz_source = 'assumed_utc'
                then start_at
                when zone is not null
                then timezone(zone, cast(start_at as timestamptz))
                else start_at + to_minutes(coalesce(utc_offset_min, 0))
            end as local_start_at,
            case
                when tz_source = 'assumed_utc'
                then end_at
                when zone is not null
                then timezone(zone, cast(end_at as timestamptz))
                else end_at + to_minutes(coalesce(utc_offset_min, 0))
            end as local_end_at,
            case
                when tz_source in ('metadata', 'vendor_offset')
                then tz_source
                when zone is not null
                then 'person_history'
                when tz_source = 'assumed_utc'
                then 'local_text'
                when utc_offset_min is not null
                then 'export_offset'
                else 'unknown'
            end as zone_basis
        from zoned
    ),

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
    )

select *
from final
