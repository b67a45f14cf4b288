-- One row per document; a document that replaces another takes that one back.
with
    documents as (select *, effective_time_iso as effective_iso from {{ source("ccda", "ccda_document") }}),

    raw as (
        select
            source,
            document_id,
            patient_id,
            code,
            title,
            'final' as status,
            effective_time,
            effective_iso,
            false as is_retracted,
            file_id,
            record_no
        from documents
        union all
        select
            source,
            replaces_extension || '^^^' || replaces_root,
            patient_id,
            null,
            null,
            'replaced',
            null,
            effective_iso,
            true,
            file_id,
            record_no
        from documents
        where replaces_type = 'RPLC' and replaces_root is not null and replaces_extension is not null
    ),

    final as (
        select
            source as source_system,
            'ccda_document' as source_table,
            document_id as source_id,
            '' as component,
            patient_id as source_person_key,
            cast(null as varchar) as encounter_key,
            cast(1 as bigint) as code_no,
            case when code is not null then 'http://loinc.org' end as code_system,
            code,
            title as display,
            'document' as category,
            status,
            is_retracted,
            false as is_revision,
            cast(null as double) as value_num,
            cast(null as varchar) as comparator,
            cast(null as varchar) as value_text,
            cast(null as varchar) as value_code_system,
            cast(null as varchar) as value_code,
            cast(null as varchar) as unit_src,
            cast(null as double) as ref_low,
            cast(null as double) as ref_high,
            effective_time as event_text,
            {{ time_start("effective_iso") }} as event_at,
            cast(null as timestamp) as event_end_at,
            {{ time_precision("effective_iso") }} as event_precision,
            cast(null as timestamp) as recorded_at,
            cast(null as varchar) as recorded_precision,
            {{ time_start("effective_iso") }} as updated_at,
            file_id,
            record_no
        from raw
    )

select *
from final
