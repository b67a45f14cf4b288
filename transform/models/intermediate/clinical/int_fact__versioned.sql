-- One row per fact and version. Identical content in a row is one version, however often and in whatever
-- order it was delivered. Versions follow the time of the source's last change, then revision, then a
-- digest: never load order.
{{ config(materialized="table") }}

with
    copies as (
        select *
        from {{ ref("int_record__coded") }}
        union all
        select *
        from {{ ref("int_record__withdrawn") }}
    ),

    rules as (select * from {{ ref("known_rule") }}),

    -- the same content at the same time is one; its lineage is the smallest file
    distinct_copies as (
        select
            *,
            coalesce(updated_at, recorded_at) as changed_at,
            case when is_retracted then 2 when is_revision then 1 else 0 end as revision_rank
        from copies
        qualify
            row_number() over (
                partition by fact_key, content_hash, coalesce(updated_at, recorded_at)
                order by file_id, record_no
            )
            = 1
    ),

    -- unchanged content that is sent again later is no new version
    changes as (
        select *
        from distinct_copies
        qualify
            lag(content_hash) over (
                partition by fact_key order by changed_at nulls first, revision_rank, content_hash
            )
            is distinct from content_hash
    ),

    numbered as (
        select
            changes.*,
            row_number() over (
                partition by changes.fact_key
                order by changes.changed_at nulls first, changes.revision_rank, changes.content_hash
            ) as version,
            count(*) over (
                partition by changes.fact_key, changes.changed_at, changes.revision_rank
            ) as n_same_time,
            coalesce(exact_rules.basis, domain_rules.basis) as rule_basis,
            coalesce(exact_rules.lag_hours, domain_rules.lag_hours) as rule_lag_hours
        from changes
        left join
            rules as exact_rules
            on exact_rules.domain = changes.domain
            and exact_rules.category = lower(changes.category)
        left join
            rules as domain_rules on domain_rules.domain = changes.domain and domain_rules.category = '*'
    ),

    timed as (
        select
            * replace (
                coalesce(event_at, recorded_at) as event_at,
                case when event_at is null then recorded_precision else event_precision end as event_precision
            ),
            event_at is null and recorded_at is not null as is_event_from_record,
            -- a date without a time is known when its day is over
            {{ period_end("recorded_at", "recorded_precision") }} as recorded_until,
            {{ period_end("event_at", "event_precision") }} as event_until
        from numbered
    ),

    clocked as (
        select
            *,
            case when rule_basis = 'end' then coalesce(event_end_at, event_until) else event_until end
            + to_hours(cast(rule_lag_hours as integer)) as imputed_at,
            version > 1 or is_revision or is_retracted as is_change
        from timed
    ),

    known as (
        select
            *,
            case
                when is_change and updated_at is not null
                then greatest(updated_at, coalesce(recorded_until, updated_at))
                else coalesce(recorded_until, updated_at, imputed_at)
            end as own_known_at,
            case
                when is_change and updated_at is not null
                then 'recorded'
                when recorded_until is not null
                then case when recorded_until = recorded_at then 'recorded' else 'imputed' end
                when updated_at is not null
                then 'recorded'
                when imputed_at is not null
                then 'imputed'
            end as known_basis
        from clocked
    ),

    -- a later version is never known before an earlier one
    monotone as (
        select
            *,
            max(own_known_at) over (
                partition by fact_key order by version rows between unbounded preceding and current row
            ) as known_at
        from known
    ),

    final as (
        select
            fact_key,
            cast(version as integer) as version,
            domain,
            source_system,
            source_table,
            source_id,
            component,
            source_person_key,
            encounter_key,
            code_system,
            code,
            display,
            concept,
            category,
            status,
            value_num,
            comparator,
            value_text,
            value_code_system,
            value_code,
            unit_src,
            ref_low,
            ref_high,
            event_at,
            event_end_at,
            event_precision,
            known_at,
            known_basis,
            lead(known_at) over (partition by fact_key order by version) as superseded_at,
            case when is_retracted then 'retract' when version = 1 then 'insert' else 'correct' end as op,
            is_event_from_record,
            n_same_time > 1 as is_order_unknown,
            file_id,
            record_no
        from monotone
    )

select *
from final
