-- One row per way in which a rule of a phenotype came to hold for a person; the first is the onset. Of values
-- beyond a limit the first thirty that were known are looked at, which later ones cannot change.
{{ config(materialized="table") }}

with
    rules as (
        select *, row_number() over (order by phenotype, variable) as rule_no from {{ ref("phenotype_rule") }}
    ),

    points as (
        select person_id, variable, value_num, event_at, known_at, superseded_at, fact_key
        from {{ ref("int_state__evidence") }}
        union all
        select person_id, variable, value_num, valid_from, known_from, known_to, inputs[1]
        from {{ ref("int_state__kidney") }}
        union all
        select distinct
            diagnoses.person_id,
            codes.comorbidity,
            cast(null as double),
            diagnoses.event_at,
            diagnoses.known_at,
            diagnoses.superseded_at,
            diagnoses.fact_key
        from {{ touched(ref("twin_fact")) }} as diagnoses
        inner join
            {{ ref("comorbidity_code") }} as codes
            on codes.index_name = 'charlson'
            and codes.comorbidity in ('cancer', 'metastatic_cancer')
            and diagnoses.code_system = codes.code_system
            and starts_with(upper(replace(diagnoses.code, '.', '')), codes.code_prefix)
        where
            diagnoses.domain = 'condition'
            and diagnoses.person_id is not null
            and diagnoses.op <> 'retract'
            and diagnoses.event_at is not null
            and diagnoses.known_at is not null
    ),

    signs as (
        select
            rules.rule_no,
            rules.phenotype,
            rules.n_values,
            rules.days_apart,
            points.person_id,
            points.event_at,
            points.known_at,
            points.superseded_at,
            points.fact_key
        from points
        inner join rules on rules.variable = points.variable
        where
            (rules.at_least is null or points.value_num >= rules.at_least)
            and (rules.below is null or points.value_num < rules.below)
        qualify
            row_number() over (
                partition by points.person_id, rules.rule_no
                order by points.known_at, points.event_at, points.fact_key
            )
            <= 30
    ),

    fulfilled as (
        select
            person_id,
            phenotype,
            event_at as valid_from,
            known_at as known_from,
            superseded_at as known_to,
            [fact_key] as inputs
        from signs
        where n_values = 1
        union all
        select
            later.person_id,
            later.phenotype,
            later.event_at,
            greatest(earlier.known_at, later.known_at),
            least(earlier.superseded_at, later.superseded_at),
            [earlier.fact_key, later.fact_key]
        from signs as later
        inner join
            signs as earlier
            on earlier.person_id = later.person_id
            and earlier.rule_no = later.rule_no
            and date_diff('day', earlier.event_at, later.event_at) >= later.days_apart
            and (earlier.superseded_at is null or earlier.superseded_at > later.known_at)
            and (later.superseded_at is null or later.superseded_at > earlier.known_at)
        where later.n_values = 2
    ),

    -- what was known earlier of an earlier onset, and still is, says all that this says
    final as (
        select person_id, 'phenotype_' || phenotype as variable, valid_from, known_from, known_to, inputs
        from fulfilled
        qualify
            coalesce(
                valid_from < min(case when known_to is null then valid_from end) over (
                    partition by person_id, phenotype
                    order by known_from, valid_from, inputs
                    rows between unbounded preceding and 1 preceding
                ),
                true
            )
    )

select *
from final
