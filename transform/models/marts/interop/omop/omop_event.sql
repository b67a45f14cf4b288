-- One row per dated fact of a person of the CDM: which of its tables it belongs to, and what all of
-- them need. The domain of the standard concept decides where it goes, as OMOP asks; without one, the
-- kind of the fact. What was never done and what has no date is no event.
with
    facts as (
        select *, coalesce(event_at, case when domain = 'device' then known_at end) as start_at
        from {{ here(ref("interop_fact")) }}
        where
            coalesce(status, '') not in (
                'not-done', 'cancelled', 'draft', 'planned', 'preparation', 'registered', 'entered-in-error'
            )
    ),

    people as (select person_id, person_source_value from {{ here(ref("omop_person")) }}),

    codes as (select * from {{ here(ref("omop_code")) }}),

    visits as (select fact_key, event_id from facts where domain = 'encounter' and start_at is not null),

    dated as (
        select
            facts.*,
            people.person_id as subject_no,
            codes.concept_id,
            codes.source_concept_id,
            codes.domain_id,
            visits.event_id as visit_id,
            case
                when facts.domain in ('encounter', 'family_history', 'allergy')
                then facts.domain
                when facts.domain = 'report'
                then case when facts.value_text is not null then 'note' else 'observation' end
                when
                    codes.domain_id
                    in ('Measurement', 'Observation', 'Condition', 'Drug', 'Procedure', 'Device')
                then lower(codes.domain_id)
                when facts.domain = 'measurement'
                then
                    case
                        when
                            facts.value_num is not null
                            or facts.category in ('laboratory', 'vital-signs', 'microbiology')
                        then 'measurement'
                        else 'observation'
                    end
                when facts.domain in ('medication', 'immunization')
                then 'drug'
                when facts.domain = 'imaging_study'
                then 'procedure'
                else facts.domain
            end as kind
        from facts
        inner join people on people.person_source_value = facts.person_id
        left join codes on codes.code_system = facts.code_system and codes.code = facts.code
        left join visits on visits.fact_key = facts.encounter_fact_key
        where facts.start_at is not null
    ),

    final as (
        select
            event_id,
            case
                kind when 'family_history' then 'observation' when 'allergy' then 'observation' else kind
            end as kind,
            domain,
            subject_no as person_id,
            coalesce(concept_id, 0) as concept_id,
            coalesce(source_concept_id, 0) as source_concept_id,
            left(code, 50) as source_value,
            cast(start_at as date) as start_date,
            case when event_precision = 'second' then start_at end as start_datetime,
            -- an end at midnight is the end of the day before, whose time of day the CDM writes as midnight
            case
                when event_end_at >= start_at
                then cast(greatest(event_end_at - interval 1 microsecond, start_at) as date)
            end as end_date,
            case
                when event_end_at >= start_at and event_end_at = date_trunc('day', event_end_at)
                then date_trunc('day', greatest(event_end_at - interval 1 microsecond, start_at))
                when event_end_at >= start_at
                then event_end_at
            end as end_datetime,
            visit_id as visit_occurrence_id,
            value_num,
            comparator,
            value_text,
            unit_src,
            value_std,
            unit_std,
            ref_low,
            ref_high,
            category,
            status,
            display
        from dated
    )

select *
from final
