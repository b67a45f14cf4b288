-- One row per person, index of comorbidity, moment of onset and moment of knowledge at which the index
-- changes.
-- Diagnoses only add up, so what became known late changes every later moment, too: each onset meets each
-- moment of knowledge.
{{ config(materialized="table") }}

with
    diagnoses as (
        select
            person_id,
            case when code_system like 'icd9%' then 'icd9cm' else 'icd10cm' end as code_system,
            upper(replace(code, '.', '')) as code,
            event_at,
            known_at,
            superseded_at,
            fact_key,
            version
        from {{ touched(ref("twin_fact")) }} as facts
        where
            domain = 'condition'
            and (code_system like 'icd9%' or code_system like 'icd10%')
            and person_id is not null
            and op <> 'retract'
            and event_at is not null
            and known_at is not null
            and (superseded_at is null or superseded_at > known_at)
    ),

    comorbid_codes as (
        select distinct codes.code_system, codes.code, prefixes.index_name, prefixes.comorbidity
        from (select distinct code_system, code from diagnoses) as codes
        inner join
            {{ ref("comorbidity_code") }} as prefixes
            on prefixes.code_system = codes.code_system
            and starts_with(codes.code, prefixes.code_prefix)
    ),

    deficits as (
        select code_system, code, index_name, comorbidity
        from comorbid_codes
        union
        -- deficits of the frailty proxy
        select code_system, code, 'frailty', comorbidity
        from comorbid_codes
        where
            index_name = 'elixhauser'
            or comorbidity in ('myocardial_infarction', 'cerebrovascular_disease', 'dementia')
    ),

    versions as (
        select
            diagnoses.person_id,
            deficits.index_name,
            deficits.comorbidity,
            diagnoses.event_at,
            diagnoses.known_at,
            diagnoses.superseded_at,
            diagnoses.fact_key,
            diagnoses.version
        from diagnoses
        inner join deficits on deficits.code_system = diagnoses.code_system and deficits.code = diagnoses.code
    ),

    -- a diagnosis counts if no other one of its kind was there as early and known as early and as long
    onsets as (
        select *
        from versions
        where
            not exists (
                select 1
                from versions as other
                where
                    other.person_id = versions.person_id
                    and other.index_name = versions.index_name
                    and other.comorbidity = versions.comorbidity
                    and other.event_at <= versions.event_at
                    and other.known_at <= versions.known_at
                    and coalesce(other.superseded_at, timestamp '9999-01-01')
                    >= coalesce(versions.superseded_at, timestamp '9999-01-01')
                    and (other.event_at, other.known_at, other.fact_key, other.version)
                    < (versions.event_at, versions.known_at, versions.fact_key, versions.version)
            )
    ),

    moments as (
        select distinct person_id, index_name, known_at as known_from
        from onsets
        union
        select distinct person_id, index_name, superseded_at
        from onsets
        where superseded_at is not null
    ),

    held as (
        select
            moments.person_id,
            moments.index_name,
            events.event_at as valid_from,
            moments.known_from,
            list(distinct onsets.comorbidity) filter (where onsets.comorbidity is not null) as comorbidities,
            list(distinct onsets.fact_key order by onsets.fact_key) filter (
                where onsets.fact_key is not null
            ) as inputs
        from moments
        inner join
            (select distinct person_id, index_name, event_at from onsets) as events
            on events.person_id = moments.person_id
            and events.index_name = moments.index_name
        left join
            onsets
            on onsets.person_id = moments.person_id
            and onsets.index_name = moments.index_name
            and onsets.event_at <= events.event_at
            and onsets.known_at <= moments.known_from
            and (onsets.superseded_at is null or onsets.superseded_at > moments.known_from)
        group by moments.person_id, moments.index_name, events.event_at, moments.known_from
    ),

    changed as (
        select *
        from held
        window by_knowledge as (partition by person_id, index_name, valid_from order by known_from)
        qualify
            inputs is distinct from lag(inputs) over by_knowledge or lag(known_from) over by_knowledge is null
    ),

    closed as (
        select
            *,
            lead(known_from) over (
                partition by person_id, index_name, valid_from order by known_from
            ) as known_to
        from changed
    ),

    weights as (select * from {{ ref("comorbidity") }}),

    weighed as (
        select
            closed.person_id,
            closed.index_name,
            closed.valid_from,
            closed.known_from,
            closed.known_to,
            closed.inputs,
            len(closed.comorbidities) as n_comorbidities,
            coalesce(
                sum(weights.weight) filter (
                    where
                        weights.overridden_by is null
                        or not list_contains(closed.comorbidities, weights.overridden_by)
                ),
                0
            ) as weight
        from closed
        left join
            weights
            on weights.index_name = closed.index_name
            and list_contains(closed.comorbidities, weights.comorbidity)
        where closed.inputs is not null
        group by all
    ),

    final as (
        select
            person_id,
            case
                index_name
                when 'charlson'
                then 'charlson_index'
                when 'elixhauser'
                then 'elixhauser_van_walraven'
                else 'frailty_proxy'
            end as variable,
            case when index_name = 'frailty' then n_comorbidities / 34.0 else weight end as value_num,
            valid_from,
            known_from,
            known_to,
            inputs
        from weighed
    )

select *
from final
