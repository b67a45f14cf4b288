-- One row per allergy segment (AL1, IAM) and coding.
with
    raw as (select * from {{ source("hl7v2", "hl7v2_allergy") }}),

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
            'hl7v2_allergy' as source_table,
            coalesce(
                patient_id || '|' || allergy_key,
                concat_ws('|', patient_id, coalesce(code, code_text, alternate_code))
            ) as source_id,
            '' as component,
            patient_id as source_person_key,
            cast(null as varchar) as encounter_key,
            code_no,
            coding_system as code_system,
            coding as code,
            coding_text as display,
            lower(allergen_type) as category,
            lower(clinical_status) as status,
            coalesce(upper(action_code) = 'D', false) as is_retracted,
            false as is_revision,
            cast(null as double) as value_num,
            cast(null as varchar) as comparator,
            severity as value_text,
            cast(null as varchar) as value_code_system,
            reaction as value_code,
            cast(null as varchar) as unit_src,
            cast(null as double) as ref_low,
            cast(null as double) as ref_high,
            onset_at as event_text,
            {{ time_start("onset_at_iso") }} as event_at,
            cast(null as timestamp) as event_end_at,
            {{ time_precision("onset_at_iso") }} as event_precision,
            {{ time_start("recorded_at_iso") }} as recorded_at,
            {{ time_precision("recorded_at_iso") }} as recorded_precision,
            {{ time_start("message_time_iso") }} as updated_at,
            file_id,
            record_no
        from coded
    )

select *
from final
