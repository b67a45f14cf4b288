-- One row per account of a person whose days an increment computes anew: from which local day on, and which
-- earlier sleep these days look back at. Empty in a whole build. A change of days stays within them and what
-- follows, except where accounts changed hands, or the zones that the person was in are told otherwise: then
-- all of the person's days are new.
{{ config(materialized="table") }}
-- depends_on: {{ ref("int_wearable_zone__account") }}
with
    samples as (select * from {{ ref("stg_wearables__sample") }}),

    profiles as (select * from {{ ref("stg_wearables__profile") }}),

    links as (select * from {{ ref("twin_person_link") }} where id_type = 'account'),

    {% if in_increment() %}
        {% set first %}
            select coalesce(min(start_at), timestamp '1900-01-01') - interval 40 days
            from {{ ref("stg_wearables__sample") }}
            where {{ is_of_changed_file() }}
        {% endset %}
        {% set earliest = "timestamp '" ~ run_query(first).columns[0].values()[0] ~ "'" %}
        -- as it was: what is computed anew depends on these days
        {% set zones_before = api.Relation.create(
            database=target.database, schema="core", identifier="twin_person_time_zone"
        ) %}

        history as (select * from {{ zones_before }}),

        links_before as (
            select source_system, source_person_key, person_id
            from increment.known_link
            where id_type = 'account'
        ),

        changed as (
            select links.person_id, samples.*
            from samples
            inner join
                links
                on links.source_system = samples.source_system
                and links.source_person_key = samples.source_person_key
            where {{ is_of_changed_file("samples.file_id") }}
        ),

        placed as ({{ on_own_clock("changed", zones_before) }}),

        -- what names the zone that the person was in anyway changes no history
        rezoned as (
            select changed.person_id
            from changed
            asof left join
                history on history.person_id = changed.person_id and changed.start_at >= history.valid_from
            where
                changed.tz_source = 'metadata'
                and changed.time_zone is not null
                and (
                    history.evidence is distinct from 'metadata'
                    or history.time_zone is distinct from changed.time_zone
                )
        ),

        moved as (
            select links.person_id
            from links
            anti join links_before using (source_system, source_person_key, person_id)
            union all
            select links_before.person_id
            from links_before
            anti join links using (source_system, source_person_key, person_id)
        ),

        profiled as (
            select links.person_id
            from profiles
            inner join
                links
                on links.source_system = profiles.source_system
                and links.source_person_key = profiles.source_person_key
            where {{ is_of_changed_file("profiles.file_id") }}
        ),

        first_changes as (
            select
                person_id,
                -- a glucose episode of the evening before may go on
                min(
                    cast(
                        local_start_at
                        - case when metric = 'glucose' then interval 1 day else interval 0 day end as date
                    )
                ) as from_date,
                min(start_at) filter (metric = 'sleep_stage') as stage_at
            from placed
            group by person_id
        ),

        -- stages that lie less than two hours apart are one sleep; naive local times may jump by an hour
        stages as (
            select links.person_id, samples.start_at, samples.end_at
            from samples
            inner join
                links
                on links.source_system = samples.source_system
                and links.source_person_key = samples.source_person_key
            where
                samples.metric = 'sleep_stage'
                and samples.end_at > samples.start_at
                and samples.end_at >= {{ earliest }}
                and links.person_id in (select person_id from first_changes)
        ),

        reached as (
            select
                *,
                max(end_at) over (
                    partition by person_id
                    order by start_at, end_at
                    rows between unbounded preceding and 1 preceding
                ) as reach_at
            from stages
        ),

        numbered as (
            select
                *,
                sum(
                    case when reach_at is null or start_at > reach_at + interval 4 hours then 1 else 0 end
                ) over (partition by person_id order by start_at, end_at rows unbounded preceding) as sleep_no
            from reached
        ),

        sleeps as (
            select person_id, min(start_at) as from_at, max(end_at) as to_at
            from numbered
            group by person_id, sleep_no
        ),

        -- a sleep that a new stage continues may have ended on an earlier day until now
        reopened as (
            select
                first_changes.person_id,
                least(
                    first_changes.from_date, cast(min(sleeps.from_at) - interval 14 hours as date)
                ) as from_date
            from first_changes
            left join
                sleeps
                on sleeps.person_id = first_changes.person_id
                and sleeps.from_at < first_changes.stage_at
                and sleeps.to_at >= first_changes.stage_at - interval 4 hours
            group by first_changes.person_id, first_changes.from_date
        ),

        -- regularity compares the nights of a week, and its first one with the night before
        looked_back as (
            select
                reopened.person_id,
                reopened.from_date,
                least(
                    date_trunc('week', reopened.from_date) - interval 2 days, min(sleeps.from_at)
                ) as sleep_from_at
            from reopened
            left join
                sleeps
                on sleeps.person_id = reopened.person_id
                and sleeps.to_at >= date_trunc('week', reopened.from_date) - interval 2 days
            group by reopened.person_id, reopened.from_date
        ),

        whole as (
            select person_id
            from rezoned
            union
            select person_id
            from moved
            union
            select person_id
            from profiled
            union
            -- asleep for weeks: nobody looks for the beginning
            select person_id
            from looked_back
            where sleep_from_at < {{ earliest }} + interval 20 days
        ),

        people as (
            select person_id, date '1900-01-01' as from_date, timestamp '1900-01-01' as sleep_from_at
            from whole
            union all
            select person_id, from_date, sleep_from_at
            from looked_back
            where person_id not in (select person_id from whole)
        ),

        final as (
            select
                people.person_id,
                links.source_system,
                links.source_person_key,
                people.from_date,
                people.sleep_from_at
            from people
            left join links on links.person_id = people.person_id
        )
    {% else %}
        final as (
            select
                links.person_id,
                links.source_system,
                links.source_person_key,
                cast(null as date) as from_date,
                cast(null as timestamp) as sleep_from_at
            from links
            where false
        )
    {% endif %}

select *
from final
