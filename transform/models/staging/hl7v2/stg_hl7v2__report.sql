-- One row per report (OBR that answers an order) or document (TXA) and coding.
with
    reports as (
        select *
        from {{ source("hl7v2", "hl7v2_report") }}
        where coalesce(message_code not in ('ORM', 'OMG', 'OML', 'OMI', 'ORL', 'ORR'), true)
    ),

    documents as (select * from {{ source("hl7v2", "hl7v2_document") }}),

    raw as (
        select
            'hl7v2_report' as source_table,
            concat_ws(
                '|',
                patient_id,
                coalesce(filler_number, placer_number, observed_at),
                coalesce(code, code_text)
            ) as source_id,
            source,
            patient_id,
            visit_key,
            code_system,
            code,
            code_text,
            alternate_system,
            alternate_code,
            alternate_text,
            lower(service_section) as category,
            status,
            coalesce(upper(status) = 'X', false) as is_retracted,
            coalesce(upper(status) = 'C', false) as is_revision,
            cast(null as varchar) as title,
            observed_at as event_text,
            observed_at_iso as event_iso,
            observed_end_at_iso as end_iso,
            reported_at_iso as recorded_iso,
            message_time_iso,
            file_id,
            record_no
        from reports
        union all
        select
            'hl7v2_document',
            concat_ws('|', patient_id, coalesce(document_number, originated_at), document_type),
            source,
            patient_id,
            visit_key,
            'local',
            document_type,
            document_type_text,
            null,
            null,
            null,
            'document',
            completion_status,
            coalesce(upper(availability_status) = 'CA', false),
            false,
            title,
            coalesce(activity_at, originated_at),
            coalesce(activity_at_iso, originated_at_iso),
            null,
            coalesce(edited_at_iso, originated_at_iso),
            message_time_iso,
            file_id,
            record_no
        from documents
    ),

    -- the code, then its alternate
    codings as (select unnest([1, 2]) as code_no),

    coded as (
        select
            raw.*,
            cast(codings.code_no as bigint) as code_no,
            case when codings.code_no = 1 then raw.code_system else raw.alternate_system end as system_text,
            {{ hl7v2_system("system_text") }} as coding_system,
            case when codings.code_no = 1 then raw.code else raw.alternate_code end as coding,
            case
                when codings.code_no = 1
                then coalesce(raw.code_text, raw.alternate_text)
                else raw.alternate_text
            end as coding_text
        from raw
        inner join codings on codings.code_no = 1 or raw.alternate_code is not null
    ),

    final as (
        select
            source as source_system,
            source_table,
            source_id,
            '' as component,
            patient_id as source_person_key,
            visit_key as encounter_key,
            code_no,
            coding_system as code_system,
            coding as code,
            coding_text as display,
            category,
            lower(status) as status,
            is_retracted,
            is_revision,
            cast(null as double) as value_num,
            cast(null as varchar) as comparator,
            title as value_text,
            cast(null as varchar) as value_code_system,
            cast(null as varchar) as value_code,
            cast(null as varchar) as unit_src,
            cast(null as double) as ref_low,
            cast(null as double) as ref_high,
            event_text,
            {{ time_start("event_iso") }} as event_at,
            {{ time_end("end_iso") }} as event_end_at,
            {{ time_precision("event_iso") }} as event_precision,
            {{ time_start("recorded_iso") }} as recorded_at,
            {{ time_precision("recorded_iso") }} as recorded_precision,
            {{ time_start("message_time_iso") }} as updated_at,
            file_id,
            record_no
        from coded
    )

select *
from final
