-- One row per measurement. The number stands in the canonical unit where there is one, else as
-- written; value_source_value keeps what was written. A reference range is given only where the unit
-- is the written one.
with
    events as (select * from {{ here(ref("omop_event")) }} where kind = 'measurement'),

    units as (select * from {{ here(ref("omop_code")) }} where code_system = 'ucum'),

    final as (
        select
            events.event_id as measurement_id,
            events.person_id,
            events.concept_id as measurement_concept_id,
            events.start_date as measurement_date,
            events.start_datetime as measurement_datetime,
            32817 as measurement_type_concept_id,
            case
                events.comparator
                when '<'
                then 4171756
                when '<='
                then 4171754
                when '>='
                then 4171755
                when '>'
                then 4172704
            end as operator_concept_id,
            coalesce(events.value_std, events.value_num) as value_as_number,
            case
                when events.value_num is null and events.value_text is not null then 0
            end as value_as_concept_id,
            coalesce(
                units.concept_id, case when coalesce(events.unit_std, events.unit_src) is not null then 0 end
            ) as unit_concept_id,
            case
                when events.value_std is null or events.value_std = events.value_num then events.ref_low
            end as range_low,
            case
                when events.value_std is null or events.value_std = events.value_num then events.ref_high
            end as range_high,
            events.visit_occurrence_id,
            events.source_value as measurement_source_value,
            events.source_concept_id as measurement_source_concept_id,
            left(coalesce(events.unit_std, events.unit_src), 50) as unit_source_value,
            units.source_concept_id as unit_source_concept_id,
            left(
                coalesce(
                    events.value_text, concat_ws(' ', events.comparator, events.value_num, events.unit_src)
                ),
                50
            ) as value_source_value
        from events
        left join units on units.code = coalesce(events.unit_std, events.unit_src)
    )

select *
from final
