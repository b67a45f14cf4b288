-- One row per allergy observation and coding of the substance. A negated one (no known allergy) stands
-- as taken back.
with
    raw as (
        select
            *,
            first_value(coalesce(code, code_text, code_display, code_null)) over (
                partition by file_id, record_no, statement_no order by coding_no
            ) as main_code,
            coalesce(negation = 'true', false) as is_negated
        from {{ source("ccda", "ccda_allergy") }}
    ),

    final as (
        select
            source as source_system,
            'ccda_allergy' as source_table,
            concat_ws(
                '|',
                coalesce(patient_id, document_id),
                nullif(concat_ws('^', id_extension, id_root), ''),
                main_code
            ) as source_id,
            '' as component,
            patient_id as source_person_key,
            cast(null as varchar) as encounter_key,
            coding_no as code_no,
            code_system,
            code,
            coalesce(code_display, code_text, substance_name) as display,
            lower(allergy_type_display) as category,
            case
                when is_negated
                then 'negated'
                when allergy_status = '55561003'
                then 'active'
                when allergy_status = '73425007'
                then 'inactive'
                when allergy_status = '413322009'
                then 'resolved'
                else lower(coalesce(concern_status, status))
            end as status,
            is_negated or coalesce(lower(status) in ('nullified', 'cancelled'), false) as is_retracted,
            false as is_revision,
            cast(null as double) as value_num,
            cast(null as varchar) as comparator,
            coalesce(criticality, severity) as value_text,
            cast(null as varchar) as value_code_system,
            reaction as value_code,
            cast(null as varchar) as unit_src,
            cast(null as double) as ref_low,
            cast(null as double) as ref_high,
            start_at as event_text,
            {{ time_start("start_at_iso") }} as event_at,
            {{ time_end("end_at_iso") }} as event_end_at,
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
