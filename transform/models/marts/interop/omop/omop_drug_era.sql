-- One row per person, ingredient and span without a gap of more than 30 days, OHDSI's persistence
-- window. The landed vocabulary says which ingredient a drug has; without one there are no eras.
with
    ingredients as (
        select descendants.descendant_concept_id as drug_concept_id, concepts.concept_id
        from {{ here(ref("omop_concept_ancestor")) }} as descendants
        inner join
            {{ here(ref("omop_concept")) }} as concepts
            on concepts.concept_id = descendants.ancestor_concept_id
            and concepts.concept_class_id = 'Ingredient'
            and concepts.standard_concept = 'S'
        union
        select concept_id, concept_id
        from {{ here(ref("omop_concept")) }}
        where concept_class_id = 'Ingredient' and standard_concept = 'S'
    ),

    events as (
        select
            drugs.person_id,
            ingredients.concept_id,
            drugs.drug_exposure_start_date as start_date,
            drugs.drug_exposure_end_date as end_date
        from {{ here(ref("omop_drug_exposure")) }} as drugs
        inner join ingredients on ingredients.drug_concept_id = drugs.drug_concept_id
    ),

    marked as (
        select
            *,
            max(end_date) over (
                partition by person_id, concept_id
                order by start_date, end_date
                rows between unbounded preceding and 1 preceding
            ) as covered_until
        from events
    ),

    numbered as (
        select
            *,
            sum(case when start_date <= covered_until + 30 then 0 else 1 end) over (
                partition by person_id, concept_id order by start_date, end_date rows unbounded preceding
            ) as era_no
        from marked
    ),

    final as (
        select
            row_number() over (order by person_id, concept_id, era_no) as drug_era_id,
            person_id,
            concept_id as drug_concept_id,
            min(start_date) as drug_era_start_date,
            max(end_date) as drug_era_end_date,
            cast(count(*) as integer) as drug_exposure_count,
            -- days within the era on which nothing was taken
            cast(
                sum(
                    case
                        when covered_until < start_date and start_date <= covered_until + 30
                        then date_diff('day', covered_until, start_date) - 1
                        else 0
                    end
                ) as integer
            ) as gap_days
        from numbered
        group by person_id, concept_id, era_no
    )

select *
from final
