-- One row per medication, vaccination or procedure that was not given or done (negationInd) and
-- coding, with the reason.
with
    medications as (
        select
            'ccda_medication' as source_table,
            'medication' as category,
            cast(null as varchar) as reason,
            source,
            patient_id,
            document_id,
            document_time_iso,
            id_root,
            id_extension,
            status,
            negation,
            code_null,
            code_system,
            code,
            code_display,
            code_text,
            coding_no,
            statement_no,
            start_at,
            start_at_iso,
            author_time_iso,
            file_id,
            record_no
        from {{ source("ccda", "ccda_medication") }}
        where negation = 'true'
    ),

    immunizations as (
        select
            'ccda_immunization',
            'immunization',
            refusal_reason,
            source,
            patient_id,
            document_id,
            document_time_iso,
            id_root,
            id_extension,
            status,
            negation,
            code_null,
            code_system,
            code,
            code_display,
            code_text,
            coding_no,
            statement_no,
            start_at,
            start_at_iso,
            author_time_iso,
            file_id,
            record_no
        from {{ source("ccda", "ccda_immunization") }}
        where negation = 'true'
    ),

    procedures as (
        select
            'ccda_procedure',
            'procedure',
            null,
            source,
            patient_id,
            document_id,
            document_time_iso,
            id_root,
            id_extension,
            status,
            negation,
            code_null,
            code_system,
            code,
            code_display,
            code_text,
            coding_no,
            statement_no,
            start_at,
            start_at_iso,
            author_time_iso,
            file_id,
            record_no
        from {{ source("ccda", "ccda_procedure") }}
        where negation = 'true'
    ),

    refused as (
        select *
        from medications
        union all
        select *
        from immunizations
        union all
        select *
        from procedures
    ),

    raw as (
        select
            *,
            first_value(coalesce(code, code_text, code_display, code_null)) over (
                partition by file_id, record_no, statement_no order by coding_no
            ) as main_code,
            coalesce(negation = 'true', false) as is_negated
        from refused
    ),

    final as (
        select
            source as source_system,
            source_table,
            concat_ws(
                '|',
                coalesce(patient_id, document_id),
                nullif(concat_ws('^', id_extension, id_root), ''),
                main_code,
                start_at
            ) as source_id,
            '' as component,
            patient_id as source_person_key,
            cast(null as varchar) as encounter_key,
            coding_no as code_no,
            code_system,
            code,
            coalesce(code_display, code_text) as display,
            category,
            lower(status) as status,
            coalesce(lower(status) in ('nullified', 'cancelled'), false) as is_retracted,
            false as is_revision,
            cast(null as double) as value_num,
            cast(null as varchar) as comparator,
            cast(null as varchar) as value_text,
            cast(null as varchar) as value_code_system,
            reason as value_code,
            cast(null as varchar) as unit_src,
            cast(null as double) as ref_low,
            cast(null as double) as ref_high,
            start_at as event_text,
            {{ time_start("start_at_iso") }} as event_at,
            cast(null as timestamp) as event_end_at,
            {{ time_precision("start_at_iso") }} as event_precision,
            {{ time_start("author_time_iso") }} as recorded_at,
            {{ time_precision("author_time_iso") }} as recorded_precision,
            {{ time_start("document_time_iso") }} as updated_at,
            file_id,
            record_no
        from raw
    )

select *
from final
