-- One row per run, rule and source. Every table is read once, however many rules look at it; runs before this
-- one come from the lake, where each that found something else was kept.
{%- set rules = dq_rules() %}

with
    {%- for table in rules %} scanned_{{ table }} as ({{ dq_counts_by_source(table) }}), {% endfor %}

    counted as (
        {%- for table, of_table in rules.items() %}
            select
                source_system,
                unnest(
                    [
                        {%- for name, category, severity, column, most, of, fails, must_hold in of_table %}
                            {
                                'rule':'{{ name }}',
                                'kahn_category':'{{ category }}',
                                'severity':'{{ severity }}',
                                'table_name':'core.{{ table }}',
                                'column_name':'{{ column }}',
                                'must_hold':'{{ must_hold }}',
                                'most_percent':cast({{ most }} as double),
                                'failed':{{ name }}_failed,
                                'total':{{ name }}_total
                            }
                            {%- if not loop.last %},{% endif %}
                        {%- endfor %}
                    ],
                    recursive := true
                )
            from scanned_{{ table }}
            {% if not loop.last %}
                union all
            {% endif %}
        {%- endfor %}
    ),

    now as (
        select
            cast('{{ run_started_at.strftime("%Y-%m-%d %H:%M:%S") }}' as timestamp) as run_at,
            rule,
            source_system,
            kahn_category,
            severity,
            table_name,
            column_name,
            must_hold,
            most_percent,
            failed,
            total,
            true as is_latest
        from counted
        where total > 0
    ),

    -- a run that found the same again was not kept, so that the last one kept may be this one
    runs as (
        select *
        from now
        union all
        select *, false as is_latest
        from {{ ref("stg_landing__dq_run") }} as earlier
    ),

    final as (
        select
            run_at,
            rule,
            source_system,
            kahn_category,
            severity,
            table_name,
            column_name,
            must_hold,
            failed,
            total,
            round(100.0 * failed / total, 4) as failed_percent,
            most_percent,
            100.0 * failed / total <= most_percent as is_passed,
            round(
                100.0 * failed / total - lag(100.0 * failed / total) over (
                    partition by rule, source_system order by run_at, is_latest
                ),
                4
            ) as change_percent_points,
            is_latest
        from runs
    )

select *
from final
order by run_at, rule, source_system
