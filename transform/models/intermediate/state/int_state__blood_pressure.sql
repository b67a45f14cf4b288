-- One row per blood pressure reading: systolic and diastolic of the same moment and source.
with
    evidence as (select * from {{ ref("int_state__evidence") }}),

    final as (
        select
            high.person_id,
            high.value_num as systolic,
            low.value_num as diastolic,
            high.event_at as valid_from,
            greatest(high.known_at, low.known_at) as known_from,
            least(high.superseded_at, low.superseded_at) as known_to,
            [high.fact_key, low.fact_key] as inputs
        from evidence as high
        inner join
            evidence as low
            on low.person_id = high.person_id
            and low.event_at = high.event_at
            and low.source_system = high.source_system
            and low.variable = 'diastolic_bp'
        where
            high.variable = 'systolic_bp'
            and high.value_num > low.value_num
            -- only versions that were held to be true at one time belong together
            and (high.superseded_at is null or high.superseded_at > low.known_at)
            and (low.superseded_at is null or low.superseded_at > high.known_at)
    )

select *
from final
