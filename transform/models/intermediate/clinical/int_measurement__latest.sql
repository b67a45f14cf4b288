-- One row per person and concept: the latest value that is held to be true now.
{{ config(materialized="incremental", incremental_strategy="by_person") }}

with
    measurements as (
        select *
        from {{ touched(ref("twin_measurement")) }} as facts
        where
            {{ is_current() }}
            and concept is not null
            and event_at is not null
            and (value_std is not null or (unit_std is null and concept = 'smoking_status'))
    ),

    final as (
        select person_id, concept, value_std, unit_std, value_text, event_at
        from measurements
        qualify
            row_number() over (
                partition by person_id, concept order by event_at desc, known_at desc, fact_key
            )
            = 1
    )

select *
from final
