-- One row per report with a text.
with
    final as (
        select
            event_id as note_id,
            person_id,
            start_date as note_date,
            start_datetime as note_datetime,
            32817 as note_type_concept_id,
            concept_id as note_class_concept_id,
            left(display, 250) as note_title,
            value_text as note_text,
            0 as encoding_concept_id,
            0 as language_concept_id,
            visit_occurrence_id,
            source_value as note_source_value
        from {{ here(ref("omop_event")) }}
        where kind = 'note'
    )

select *
from final
