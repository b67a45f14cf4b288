{# Versions with own_known_at, when their content could first have been used, and known_basis: as the source recorded #}
{# it, else by the rule of their domain and category (seeds/known_rule.csv). #}
{% macro with_known_time(versions) %}
    (
        with
            ruled as (
                select
                    versions.* replace (
                        coalesce(versions.event_at, versions.recorded_at) as event_at,
                        case
                            when versions.event_at is null
                            then versions.recorded_precision
                            else versions.event_precision
                        end as event_precision
                    ),
                    versions.event_at is null and versions.recorded_at is not null as is_event_from_record,
                    versions.version > 1 or versions.is_revision or versions.is_retracted as is_change,
                    -- a date without a time is known when its day is over
                    {{ period_end("versions.recorded_at", "versions.recorded_precision") }} as recorded_until,
                    {{ period_end("versions.event_at", "versions.event_precision") }} as event_until,
                    coalesce(exact_rules.basis, domain_rules.basis) as rule_basis,
                    coalesce(exact_rules.lag_hours, domain_rules.lag_hours) as rule_lag_hours
                from {{ versions }} as versions
                left join
                    {{ ref("known_rule") }} as exact_rules
                    on exact_rules.domain = versions.domain
                    and exact_rules.category = lower(versions.category)
                left join
                    {{ ref("known_rule") }} as domain_rules
                    on domain_rules.domain = versions.domain
                    and domain_rules.category = '*'
            ),

            imputed as (
                select
                    *,
                    case when rule_basis = 'end' then coalesce(event_end_at, event_until) else event_until end
                    + to_hours(cast(rule_lag_hours as integer)) as imputed_at
                from ruled
            )

        select
            *,
            case
                when is_change and updated_at is not null
                then greatest(updated_at, coalesce(recorded_until, updated_at))
                else coalesce(recorded_until, updated_at, imputed_at)
            end as own_known_at,
            case
                when is_change and updated_at is not null
                then 'recorded'
                when recorded_until is not null
                then case when recorded_until = recorded_at then 'recorded' else 'imputed' end
                when updated_at is not null
                then 'recorded'
                when imputed_at is not null
                then 'imputed'
            end as known_basis
        from imputed
    )
{% endmacro %}
