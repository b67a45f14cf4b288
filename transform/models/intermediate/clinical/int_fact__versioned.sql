-- One row per fact and version. Identical content in a row is one version, however often and in whatever
-- order it was delivered. Versions follow the time of the source's last change, then revision, then a
-- digest: never load order.
{{ config(materialized="table") }}

with
    withdrawn as materialized(select * from {{ ref("int_record__withdrawn") }}),

    copies as not materialized(
        select *
        from {{ ref("int_record__coded") }}
        union all
        select *
        from withdrawn
    ),

    -- only these are sorted; that digests may coincide does no harm
    with_several_copies as materialized(
        select hash(fact_key) as key_digest from copies group by 1 having count(*) > 1
    ),

    single as (
        select *, 1 as version, 1 as n_same_time
        from copies
        where hash(fact_key) not in (select key_digest from with_several_copies)
    ),

    -- the same content at the same time is one; its lineage is the smallest file
    distinct_copies as (
        select
            *,
            coalesce(updated_at, recorded_at) as changed_at,
            case when is_retracted then 2 when is_revision then 1 else 0 end as revision_rank
        from copies
        where hash(fact_key) in (select key_digest from with_several_copies)
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
            * exclude (changed_at, revision_rank),
            row_number() over (
                partition by fact_key order by changed_at nulls first, revision_rank, content_hash
            ) as version,
            count(*) over (partition by fact_key, changed_at, revision_rank) as n_same_time
        from changes
    ),

    -- a later version is never known before an earlier one
    monotone as (
        select *, own_known_at as known_at, cast(null as timestamp) as superseded_at
        from {{ with_known_time("single") }}
        union all
        select *, lead(known_at) over (partition by fact_key order by version) as superseded_at
        from
            (
                select
                    *,
                    max(own_known_at) over (
                        partition by fact_key
                        order by version
                        rows between unbounded preceding and current row
                    ) as known_at
                from {{ with_known_time("numbered") }}
            )
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
            superseded_at,
            case when is_retracted then 'retract' when version = 1 then 'insert' else 'correct' end as op,
            is_event_from_record,
            n_same_time > 1 as is_order_unknown,
            file_id,
            record_no
        from monotone
    )

select *
from final
