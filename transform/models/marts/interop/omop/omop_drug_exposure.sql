-- One row per prescription, administration or vaccination. Where the end is not known, the CDM's end
-- is the day of the start and verbatim_end_date is null.
with
    final as (
        select
            event_id as drug_exposure_id,
            person_id,
            concept_id as drug_concept_id,
            start_date as drug_exposure_start_date,
            start_datetime as drug_exposure_start_datetime,
            coalesce(end_date, start_date) as drug_exposure_end_date,
            end_datetime as drug_exposure_end_datetime,
            end_date as verbatim_end_date,
            32817 as drug_type_concept_id,
            coalesce(value_text, nullif(concat_ws(' ', value_num, unit_src), '')) as sig,
            visit_occurrence_id,
            source_value as drug_source_value,
            source_concept_id as drug_source_concept_id,
            left(unit_src, 50) as dose_unit_source_value
        from {{ here(ref("omop_event")) }}
        where kind = 'drug'
    )

select *
from final
