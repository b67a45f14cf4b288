-- One row per result, vital sign, social history or assessment observation and coding.
with
    observations as (
        {% for table, category in {
            "ccda_result": "laboratory",
            "ccda_vital_sign": "vital-signs",
            "ccda_social_history": "social-history",
            "ccda_assessment": "survey",
        }.items() %}
            select *, '{{ table }}' as source_table, '{{ category }}' as category
            from {{ source("ccda", table) }}
            {% if not loop.last %}
                union all by name
            {% endif %}
        {% endfor %}
    ),

    typed as (
        select
            * replace (split_part(value_type, ':', -1) as value_type),
            coalesce(start_at, panel_start_at) as event_text,
            coalesce(start_at_iso, panel_start_at_iso) as event_iso,
            coalesce(author_time_iso, panel_author_time_iso) as author_iso
        from {{ ccda_statements("observations") }}
    ),

    -- an interval that is open on one side is a censored value; one with both ends is text
    valued as (
        select
            *,
            case
                when value_type in ('PQ', 'INT', 'REAL', 'MO')
                then value_num
                when value_type like 'IVL_%' and value_high is null
                then value_low
                when value_type like 'IVL_%' and value_low is null
                then value_high
            end as number_text,
            case
                when value_type not like 'IVL_%' or number_text is null
                then null
                when value_high is null
                then case when value_low_inclusive = 'false' then '>' else '>=' end
                else case when value_high_inclusive = 'false' then '<' else '<=' end
            end as comparator,
            case
                when value_code is not null or value_display is not null
                then coalesce(value_display, value_code)
                when value_type like 'IVL_%' and number_text is null
                then nullif(concat_ws('-', value_low, value_high), '')
                when number_text is null or try_cast(number_text as double) is null
                then coalesce(value_text, value_num)
                else value_text
            end as words
        from typed
    )

select
    {{
        ccda_record(
            {
                "source_table": "source_table",
                "category": "category",
                "is_retracted": "is_negated or coalesce(lower(status) in ('nullified', 'cancelled', 'aborted'), false)",
                "value_num": "try_cast(number_text as double)",
                "comparator": "comparator",
                "value_text": "words",
                "value_code_system": "value_code_system",
                "value_code": "value_code",
                "unit_src": "coalesce(value_unit, value_low_unit, value_high_unit)",
                "ref_low": "try_cast(ref_low as double)",
                "ref_high": "try_cast(ref_high as double)",
            },
            apart="event_text",
            event="event_iso",
            text="event_text",
            end="end_at_iso",
            recorded="author_iso",
        )
    }}
from valued
