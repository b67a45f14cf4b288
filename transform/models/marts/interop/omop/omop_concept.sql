-- One row per concept: what the site landed, what every export needs (sexes, visits, operators), and the
-- site's own codes.
{{ config(materialized="table") }}

with
    landed as (select * from {{ ref("stg_omop__concept") }} where concept_id < 2000000000),

    needed as (select * from {{ ref("interop_omop_concept") }}),

    local as (select * from {{ ref("omop_code") }} where is_local),

    unioned as (
        select
            concept_id,
            concept_name,
            domain_id,
            vocabulary_id,
            concept_class_id,
            standard_concept,
            concept_code,
            valid_start_date,
            valid_end_date,
            invalid_reason
        from landed
        union all
        select
            needed.concept_id,
            needed.concept_name,
            needed.domain_id,
            needed.vocabulary_id,
            needed.concept_class_id,
            needed.standard_concept,
            needed.concept_code,
            date '1970-01-01',
            date '2099-12-31',
            cast(null as varchar)
        from needed
        anti join landed on landed.concept_id = needed.concept_id
        union all
        select
            source_concept_id,
            left(display, 255),
            case
                domain
                when 'measurement'
                then 'Measurement'
                when 'condition'
                then 'Condition'
                when 'medication'
                then 'Drug'
                when 'immunization'
                then 'Drug'
                when 'procedure'
                then 'Procedure'
                when 'device'
                then 'Device'
                when 'encounter'
                then 'Visit'
                when 'unit'
                then 'Unit'
                else 'Observation'
            end,
            vocabulary_id,
            'Undefined',
            null,
            left(code, 50),
            date '1970-01-01',
            date '2099-12-31',
            null
        from local
    ),

    final as (
        select
            concept_id,
            left(concept_name, 255) as concept_name,
            domain_id,
            vocabulary_id,
            concept_class_id,
            standard_concept,
            concept_code,
            coalesce(valid_start_date, date '1970-01-01') as valid_start_date,
            coalesce(valid_end_date, date '2099-12-31') as valid_end_date,
            invalid_reason
        from unioned
    )

select *
from final
