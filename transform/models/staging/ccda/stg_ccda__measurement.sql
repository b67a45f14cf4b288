-- One row per result, vital sign, social history or assessment observation and coding.
with
    results as (
        select
            'ccda_result' as source_table,
            'laboratory' as category,
            panel_start_at,
            panel_start_at_iso,
            panel_author_time_iso,
            id_root,
            id_extension,
            status,
            negation,
            author_time_iso,
            value_type,
            value_num,
            value_unit,
            value_code,
            value_code_system,
            value_display,
            value_text,
            value_low,
            value_low_unit,
            value_low_inclusive,
            value_high,
            value_high_unit,
            value_high_inclusive,
            ref_low,
            ref_high,
            start_at,
            start_at_iso,
            end_at_iso,
            source,
            patient_id,
            document_id,
            document_time_iso,
            coding_no,
            code_system,
            code,
            code_display,
            code_text,
            code_null,
            statement_no,
            file_id,
            record_no
        from {{ source("ccda", "ccda_result") }}
    ),

    vital_signs as (
        select
            'ccda_vital_sign' as source_table,
            'vital-signs' as category,
            panel_start_at,
            panel_start_at_iso,
            panel_author_time_iso,
            id_root,
            id_extension,
            status,
            negation,
            author_time_iso,
            value_type,
            value_num,
            value_unit,
            value_code,
            value_code_system,
            value_display,
            value_text,
            value_low,
            value_low_unit,
            value_low_inclusive,
            value_high,
            value_high_unit,
            value_high_inclusive,
            ref_low,
            ref_high,
            start_at,
            start_at_iso,
            end_at_iso,
            source,
            patient_id,
            document_id,
            document_time_iso,
            coding_no,
            code_system,
            code,
            code_display,
            code_text,
            code_null,
            statement_no,
            file_id,
            record_no
        from {{ source("ccda", "ccda_vital_sign") }}
    ),

    social_history as (
        select
            'ccda_social_history' as source_table,
            'social-history' as category,
            cast(null as varchar) as panel_start_at,
            cast(null as varchar) as panel_start_at_iso,
            cast(null as varchar) as panel_author_time_iso,
            id_root,
            id_extension,
            status,
            negation,
            author_time_iso,
            value_type,
            value_num,
            value_unit,
            value_code,
            value_code_system,
            value_display,
            value_text,
            value_low,
            value_low_unit,
            value_low_inclusive,
            value_high,
            value_high_unit,
            value_high_inclusive,
            ref_low,
            ref_high,
            start_at,
            start_at_iso,
            end_at_iso,
            source,
            patient_id,
            document_id,
            document_time_iso,
            coding_no,
            code_system,
            code,
            code_display,
            code_text,
            code_null,
            statement_no,
            file_id,
            record_no
        from {{ source("ccda", "ccda_social_history") }}
    ),

    assessments as (
        select
            'ccda_assessment' as source_table,
            'survey' as category,
            cast(null as varchar) as panel_start_at,
            cast(null as varchar) as panel_start_at_iso,
            cast(null as varchar) as panel_author_time_iso,
            id_root,
            id_extension,
            status,
            negation,
            author_time_iso,
            value_type,
            value_num,
            value_unit,
            value_code,
            value_code_system,
            value_display,
            value_text,
            value_low,
            value_low_unit,
            value_low_inclusive,
            value_high,
            value_high_unit,
            value_high_inclusive,
            ref_low,
            ref_high,
            start_at,
            start_at_iso,
            end_at_iso,
            source,
            patient_id,
            document_id,
            document_time_iso,
            coding_no,
            code_system,
            code,
            code_display,
            code_text,
            code_null,
            statement_no,
            file_id,
            record_no
        from {{ source("ccda", "ccda_assessment") }}
    ),

    observations as (
        select *
        from results
        union all
        select *
        from vital_signs
        union all
        select *
        from social_history
        union all
        select *
        from assessments
    ),

    raw as (
        select
            * exclude (value_type),
            split_part(value_type, ':', -1) as value_type,
            coalesce(start_at, panel_start_at) as event_text,
            coalesce(start_at_iso, panel_start_at_iso) as event_iso,
            coalesce(author_time_iso, panel_author_time_iso) as author_iso,
            first_value(coalesce(code, code_text, code_display, code_null)) over (
                partition by file_id, record_no, statement_no order by coding_no
            ) as main_code,
            coalesce(negation = 'true', false) as is_negated
        from observations
    ),

    -- an interval that is open on one side is a censored value; one with both ends is text
    valued as (
        select
            *,
            case
                when value_type in ('PQ', 'INT', 'REAL', 'MO')
                then value_num
                when value_type like 'IVL_%' and value_high is null
                then value_low
                when value_type like 'IVL_%' and value_low is null
                then value_high
            end as number_text
        from raw
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
                event_text
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
            is_negated
            or coalesce(lower(status) in ('nullified', 'cancelled', 'aborted'), false) as is_retracted,
            false as is_revision,
            try_cast(number_text as double) as value_num,
            case
                when value_type not like 'IVL_%' or number_text is null
                then null
                when value_high is null
                then case when value_low_inclusive = 'false' then '>' else '>=' end
                else case when value_high_inclusive = 'false' then '<' else '<=' end
            end as comparator,
            case
                when value_code is not null or value_display is not null
                then coalesce(value_display, value_code)
                when value_type like 'IVL_%' and number_text is null
                then nullif(concat_ws('-', value_low, value_high), '')
                when number_text is null or try_cast(number_text as double) is null
                then coalesce(value_text, value_num)
                else value_text
            end as value_text,
            value_code_system,
            value_code,
            coalesce(value_unit, value_low_unit, value_high_unit) as unit_src,
            try_cast(ref_low as double) as ref_low,
            try_cast(ref_high as double) as ref_high,
            event_text,
            {{ time_start("event_iso") }} as event_at,
            {{ time_end("end_at_iso") }} as event_end_at,
            {{ time_precision("event_iso") }} as event_precision,
            {{ time_start("author_iso") }} as recorded_at,
            {{ time_precision("author_iso") }} as recorded_precision,
            {{ time_start("document_time_iso") }} as updated_at,
            file_id,
            record_no
        from valued
    )

select *
from final
