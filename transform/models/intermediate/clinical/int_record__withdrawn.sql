-- One row per part of a record that its source took away without sending it again: the resource was
-- deleted, or a later copy of the resource came without this part. Shaped like int_record__coded, so that
-- both become versions.
with
    copies as (select * from {{ ref("int_record__coded") }}),

    -- a deletion without a time of its own happened by the time that its export shows, at the latest when
    -- it came
    exports as (
        select source_system, plain_name, min(transaction_at) as transaction_at
        from {{ ref("stg_fhir__export_file") }}
        where part = 'deleted'
        group by source_system, plain_name
    ),

    dated as (
        select
            deletion.source_system,
            deletion.source_table,
            deletion.source_id,
            deletion.deleted_text,
            deletion.file_id,
            coalesce(deletion.deleted_at, exports.transaction_at, files.landed_at) as deleted_at
        from {{ ref("stg_fhir__deletion") }} as deletion
        left join {{ ref("stg_landing__file") }} as files on files.file_id = deletion.file_id
        left join
            exports
            on exports.source_system = deletion.source_system
            and exports.plain_name = {{ plain_file_name("files.path") }}
    ),

    deletions as (
        select source_system, source_table, source_id, min(deleted_at) as deleted_at, min(file_id) as file_id
        from dated
        where deleted_at is not null
        group by source_system, source_table, source_id, deleted_text
    ),

    -- the copy that a deletion takes away: the last one before it, else the first one there is
    deleted as (
        select
            copies.*,
            deletions.deleted_at as withdrawn_at,
            deletions.file_id as withdrawn_file_id,
            'deleted' as withdrawn_status
        from copies
        inner join deletions using (source_system, source_table, source_id)
        qualify
            row_number() over (
                partition by copies.fact_key, deletions.deleted_at
                order by
                    case when copies.updated_at > deletions.deleted_at then 1 else 0 end,
                    copies.updated_at desc nulls last,
                    copies.content_hash,
                    copies.file_id,
                    copies.record_no
            )
            = 1
    ),

    changed_records as (
        select source_system, source_table, source_id
        from copies
        group by source_system, source_table, source_id
        having min(updated_at) < max(updated_at)
    ),

    part_copies as (
        select distinct source_system, source_table, source_id, component, updated_at
        from copies
        inner join changed_records using (source_system, source_table, source_id)
        where updated_at is not null
    ),

    record_copies as (
        select
            source_system,
            source_table,
            source_id,
            updated_at,
            lead(updated_at) over (
                partition by source_system, source_table, source_id order by updated_at
            ) as next_updated_at
        from (select distinct source_system, source_table, source_id, updated_at from part_copies)
    ),

    left_out as (
        select part_copies.*, record_copies.next_updated_at
        from part_copies
        inner join record_copies using (source_system, source_table, source_id, updated_at)
        left join
            part_copies as later
            on later.source_system = part_copies.source_system
            and later.source_table = part_copies.source_table
            and later.source_id = part_copies.source_id
            and later.component = part_copies.component
            and later.updated_at = record_copies.next_updated_at
        where record_copies.next_updated_at is not null and later.component is null
    ),

    removed as (
        select
            copies.*,
            left_out.next_updated_at as withdrawn_at,
            copies.file_id as withdrawn_file_id,
            'left_out' as withdrawn_status
        from copies
        inner join left_out using (source_system, source_table, source_id, component, updated_at)
        qualify
            row_number() over (
                partition by copies.fact_key, left_out.next_updated_at
                order by copies.content_hash desc, copies.file_id, copies.record_no
            )
            = 1
    ),

    withdrawn as (
        select *
        from deleted
        union all
        select *
        from removed
    ),

    final as (
        select
            domain,
            fact_key,
            md5(concat_ws('|', content_hash, withdrawn_status)) as content_hash,
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
            withdrawn_status as status,
            true as is_retracted,
            is_revision,
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
            recorded_at,
            recorded_precision,
            withdrawn_at as updated_at,
            withdrawn_file_id as file_id,
            record_no
        from withdrawn
    )

select *
from final
