-- One row per fact and version, with the value in the concept's canonical unit and flags for what is
-- doubtful. A value outside the plausible range keeps its original and loses its standardised value.
with
    versions as (select * from {{ ref("int_fact__versioned") }}),

    units as (select * from {{ ref("int_unit__mapped") }}),

    concepts as (select * from {{ ref("concept") }}),

    answers as (select * from {{ ref("answer") }}),

    systems as (select * from {{ ref("code_system") }}),

    codes as (
        select
            source_system,
            system_std,
            code,
            max(code_problem) as code_problem,
            bool_or(is_approximate) as is_approximate
        from {{ ref("int_code__mapped") }}
        group by source_system, system_std, code
    ),

    links as (select * from {{ ref("int_identity__link") }} where id_type = 'mrn'),

    joined as (
        select
            versions.* exclude (value_text),
            links.person_id,
            coalesce(answers.answer, versions.value_text) as value_text,
            versions.domain = 'measurement' and versions.value_num is not null as is_number,
            concepts.canonical_unit,
            concepts.plausible_min,
            concepts.plausible_max,
            units.unit_ucum,
            units.factor,
            codes.code_problem,
            coalesce(codes.is_approximate, false) as is_approximate,
            round(versions.value_num * units.factor + units.value_offset, 9) as converted
        from versions
        left join
            links
            on links.source_system = versions.source_system
            and links.source_person_key = versions.source_person_key
        left join concepts on concepts.concept = versions.concept and concepts.domain = 'measurement'
        left join
            units
            on units.unit_src = versions.unit_src
            and units.concept is not distinct from versions.concept
            and versions.domain = 'measurement'
        left join
            codes
            on codes.source_system = versions.source_system
            and codes.system_std = versions.code_system
            and codes.code = versions.code
        left join systems on systems.alias = lower(trim(versions.value_code_system))
        left join
            answers
            on answers.concept = versions.concept
            and answers.code = versions.value_code
            and answers.code_system = systems.code_system
    ),

    judged as (
        select
            *,
            canonical_unit is not null
            and converted is not null
            and (converted < plausible_min or converted > plausible_max) as is_implausible
        from joined
    ),

    valued as (
        select *, case when canonical_unit is not null and not is_implausible then converted end as value_std
        from judged
    ),

    final as (
        select
            fact_key,
            version,
            source_system,
            source_person_key,
            person_id,
            domain,
            concept,
            code_system,
            code,
            display,
            category,
            value_num,
            comparator,
            value_text,
            value_code,
            unit_src,
            value_std,
            case when value_std is not null then canonical_unit end as unit_std,
            ref_low,
            ref_high,
            event_at,
            event_end_at,
            event_precision,
            known_at,
            known_basis,
            superseded_at,
            op,
            status,
            encounter_key,
            concat_ws(
                ',',
                case when person_id is null then 'person_unknown' end,
                case
                    when domain in ('measurement', 'condition', 'medication') and concept is null
                    then 'concept_unknown'
                end,
                case when code_problem is not null then 'code_invalid' end,
                case when is_approximate then 'concept_approximate' end,
                case
                    when
                        domain = 'measurement'
                        and canonical_unit is not null
                        and value_num is null
                        and value_text is not null
                    then 'value_not_numeric'
                end,
                case when is_number and coalesce(trim(unit_src), '') = '' then 'unit_missing' end,
                case
                    when is_number and coalesce(trim(unit_src), '') <> '' and unit_ucum is null
                    then 'unit_unknown'
                end,
                case
                    when is_number and canonical_unit is not null and unit_ucum is not null and factor is null
                    then 'unit_unconvertible'
                end,
                case when value_std is not null and unit_ucum <> canonical_unit then 'unit_converted' end,
                case when is_implausible then 'implausible' end,
                case when comparator is not null then 'censored' end,
                case when event_at is null then 'event_unknown' end,
                case when is_event_from_record then 'event_from_record' end,
                case when known_at is null then 'known_unknown' end,
                case when event_at > known_at and domain <> 'medication' then 'known_before_event' end,
                case when event_end_at < event_at then 'ends_before_start' end,
                case when is_order_unknown then 'version_order_unknown' end,
                -- the same value of the same moment under another key; the later known one carries the
                -- flag
                case
                    when
                        value_std is not null
                        and op <> 'retract'
                        and version = 1
                        and row_number() over (
                            partition by
                                coalesce(person_id, source_person_key),
                                concept,
                                event_at,
                                value_std,
                                op,
                                version
                            order by known_at, fact_key
                        )
                        > 1
                    then 'duplicate_value'
                end
            ) as quality_flags,
            source_table,
            source_id,
            component,
            file_id,
            record_no
        from valued
    )

select *
from final
