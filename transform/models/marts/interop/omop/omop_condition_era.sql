-- One row per person, standard condition and span without a gap of more than 30 days, OHDSI's persistence
-- window.
with
    events as (
        select
            condition_occurrence_id,
            person_id,
            condition_concept_id as concept_id,
            condition_start_date as start_date,
            coalesce(condition_end_date, condition_start_date) as end_date
        from {{ here(ref("omop_condition_occurrence")) }}
        where condition_concept_id <> 0
    ),

    marked as (
        select
            *,
            coalesce(
                start_date > max(end_date) over (
                    partition by person_id, concept_id
                    order by start_date, end_date
                    rows between unbounded preceding and 1 preceding
                )
                + 30,
                true
            ) as is_new
        from events
    ),

    numbered as (
        select
            *,
            sum(case when is_new then 1 else 0 end) over (
                partition by person_id, concept_id order by start_date, end_date rows unbounded preceding
            ) as era_no
        from marked
    ),

    final as (
        select
            min(condition_occurrence_id) as condition_era_id,
            person_id,
            concept_id as condition_concept_id,
            min(start_date) as condition_era_start_date,
            max(end_date) as condition_era_end_date,
            cast(count(*) as integer) as condition_occurrence_count
        from numbered
        group by person_id, concept_id, era_no
    )

select *
from final
