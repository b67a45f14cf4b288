-- One row per family history observation and coding of the condition.
with
    raw as (
        select
            *,
            first_value(coalesce(code, code_text, code_display, code_null)) over (
                partition by file_id, record_no, statement_no order by coding_no
            ) as main_code,
            coalesce(negation = 'true', false) as is_negated
        from {{ source("ccda", "ccda_family_history") }}
    ),

    final as (
        select
            source as source_system,
            'ccda_family_history' as source_table,
            concat_ws(
                '|',
                coalesce(patient_id, document_id),
                nullif(concat_ws('^', id_extension, id_root), ''),
                main_code,
                relationship
            ) as source_id,
            coalesce(relationship, '') as component,
            patient_id as source_person_key,
            cast(null as varchar) as encounter_key,
            coding_no as code_no,
            code_system,
            code,
            coalesce(code_display, code_text) as display,
            relationship as category,
            lower(status) as status,
            is_negated or coalesce(lower(status) in ('nullified', 'cancelled'), false) as is_retracted,
            false as is_revision,
            case
                onset_age_unit
                when 'a'
                then try_cast(onset_age as double)
                when 'mo'
                then try_cast(onset_age as double) / 12
            end as value_num,
            cast(null as varchar) as comparator,
            cast(null as varchar) as value_text,
            cast(null as varchar) as value_code_system,
            cast(null as varchar) as value_code,
            case when onset_age_unit in ('a', 'mo') and onset_age is not null then 'a' end as unit_src,
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
