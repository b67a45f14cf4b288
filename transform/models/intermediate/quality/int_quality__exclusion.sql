-- One row per person, period and reason that several measures share for leaving people out: the libraries
-- Hospice, PalliativeCare and AdvancedIllnessandFrailty of the CMS measures.
{{ config(materialized="table") }}

with
    facts as (select * from {{ ref("int_quality__fact") }}),

    periods as (select * from {{ ref("int_quality__period") }}),

    timed as (
        select
            facts.*,
            periods.period_start,
            periods.period_end,
            facts.start_date <= periods.period_end
            and facts.end_date >= periods.period_start as is_overlapping,
            facts.start_date >= periods.period_start and facts.end_date <= periods.period_end as is_during,
            facts.end_date between periods.period_start and periods.period_end as is_ending,
            -- what the libraries count as done
            case
                facts.domain
                when 'encounter'
                then {{ quality_took_place("facts.status") }}
                when 'measurement'
                then {{ quality_is_result("facts.status") }}
                when 'procedure'
                then facts.status = 'completed'
                when 'order'
                then facts.status in ('active', 'completed') and facts.category = 'order'
                when 'medication'
                then facts.status = 'active' and facts.category = 'order'
                else facts.domain = 'condition'
            end as is_valid
        from facts
        cross join periods
        where facts.start_date <= periods.period_end
    ),

    valid as (select * from timed where is_valid),

    discharge_facts as (
        select facts.person_id, facts.source_system, facts.encounter_key, facts.value_code
        from facts
        where facts.value_set = 'discharge_disposition'
    ),

    hospice as (
        select person_id, period_start
        from valid
        where
            (domain = 'encounter' and value_set = 'hospice_encounter' and is_overlapping)
            or (domain = 'order' and value_set = 'hospice_care_ambulatory' and is_during)
            or (domain = 'procedure' and value_set = 'hospice_care_ambulatory' and is_overlapping)
            or (domain = 'condition' and value_set = 'hospice_diagnosis' and is_overlapping)
            or (
                domain = 'measurement'
                and value_set = 'hospice_care_mds'
                and is_overlapping
                and value_code
                in (select code from {{ ref("int_quality__member") }} where value_set = 'answer_yes')
            )
        union all
        select stays.person_id, stays.period_start
        from valid as stays
        inner join
            discharge_facts
            on discharge_facts.source_system = stays.source_system
            and discharge_facts.encounter_key = stays.encounter_key
        where
            stays.domain = 'encounter'
            and stays.value_set = 'encounter_inpatient'
            and stays.is_ending
            and discharge_facts.value_code
            in (select code from {{ ref("int_quality__member") }} where value_set = 'hospice_discharge')
    ),

    palliative_care as (
        select person_id, period_start
        from valid
        where
            is_overlapping
            and (
                (domain = 'measurement' and value_set = 'palliative_care_questionnaire')
                or (domain = 'condition' and value_set = 'palliative_care_diagnosis')
                or (domain = 'encounter' and value_set = 'palliative_care_encounter')
                or (domain = 'procedure' and value_set = 'palliative_care_intervention')
            )
    ),

    frailty as (
        select person_id, period_start
        from valid
        where
            (domain = 'order' and value_set = 'frailty_device' and is_during)
            or (
                domain = 'measurement'
                and value_set = 'medical_equipment_used'
                and is_ending
                and value_code
                in (select code from {{ ref("int_quality__member") }} where value_set = 'frailty_device')
            )
            or (domain = 'condition' and value_set = 'frailty_diagnosis' and is_overlapping)
            or (domain = 'encounter' and value_set = 'frailty_encounter' and is_overlapping)
            or (domain = 'measurement' and value_set = 'frailty_symptom' and is_overlapping)
    ),

    advanced_illness as (
        select person_id, period_start
        from valid
        where
            domain = 'condition'
            and value_set = 'advanced_illness'
            and start_date between period_start - interval 1 year and period_end
        union all
        select person_id, period_start
        from valid
        where
            domain = 'medication'
            and value_set = 'dementia_drug'
            and end_date >= period_start - interval 1 year
    ),

    -- the last word on housing counts
    housing as (
        select person_id, period_start, value_code
        from valid
        where domain = 'measurement' and value_set = 'housing_status' and end_date <= period_end
        qualify row_number() over (partition by person_id, period_start order by end_at desc, fact_key) = 1
    ),

    nursing_home as (
        select person_id, period_start
        from housing
        where
            value_code
            in (select code from {{ ref("int_quality__member") }} where value_set = 'lives_in_nursing_home')
    ),

    final as (
        {% for reason in ["hospice", "palliative_care", "frailty", "advanced_illness", "nursing_home"] %}
            select distinct person_id, period_start, '{{ reason }}' as reason
            from {{ reason }}
            {% if not loop.last %}
                union all
            {% endif %}
        {% endfor %}
    )

select *
from final
