-- One row per procedure segment (PR1) and coding.
with
    raw as (
        select
            *,
            {{ hl7_time("performed_at", "message_time") }} as performed_at_iso,
            {{ hl7_time("message_time", "message_time") }} as message_iso
        from {{ source("hl7v2", "hl7v2_procedure") }}
    ),

    -- the code, then its alternate
    coded as (
        select
            *,
            cast(1 as bigint) as code_no,
            {{ hl7v2_system("code_system") }} as coding_system,
            code as coding,
            coalesce(code_text, description, alternate_text) as coding_text
        from raw
        union all
        select
            *,
            cast(2 as bigint) as code_no,
            {{ hl7v2_system("alternate_system") }} as coding_system,
            alternate_code as coding,
            alternate_text as coding_text
        from raw
        where alternate_code is not null
    ),

    final as (
        select
            source as source_system,
            'hl7v2_procedure' as source_table,
            coalesce(
                patient_id || '|' || procedure_key,
                concat_ws('|', patient_id, visit_key, coalesce(code, code_text, description), performed_at)
            ) as source_id,
            '' as component,
            patient_id as source_person_key,
            visit_key as encounter_key,
            code_no,
            coalesce(coding_system, coding_method) as code_system,
            coding as code,
            coding_text as display,
            cast(null as varchar) as category,
            cast(null as varchar) as status,
            coalesce(upper(action_code) = 'D', false) as is_retracted,
            false as is_revision,
            cast(null as double) as value_num,
            cast(null as varchar) as comparator,
            cast(null as varchar) as value_text,
            cast(null as varchar) as value_code_system,
            cast(null as varchar) as value_code,
            cast(null as varchar) as unit_src,
            cast(null as double) as ref_low,
            cast(null as double) as ref_high,
            performed_at as event_text,
            {{ time_start("performed_at_iso") }} as event_at,
            cast(null as timestamp) as event_end_at,
            {{ time_precision("performed_at_iso") }} as event_precision,
            cast(null as timestamp) as recorded_at,
            cast(null as varchar) as recorded_precision,
            {{ time_start("message_iso") }} as updated_at,
            file_id,
            record_no
        from coded
    )

select *
from final
