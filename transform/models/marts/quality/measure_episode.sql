with
    judged as (
        {% for measure in ["cms2", "cms22", "cms69", "cms122", "cms165"] %}
            select *
            from {{ ref("int_quality__" ~ measure) }}
            {% if not loop.last %}
                union all
            {% endif %}
        {% endfor %}
    ),

    -- numerator only of those who are not excluded, exceptions only of those who are not in the numerator
    final as (
        select
            measure,
            period_start,
            cast(period_start + interval 1 year - interval 1 day as date) as period_end,
            person_id,
            episode,
            is_excluded,
            is_numerator and not is_excluded as is_numerator,
            is_exception and not is_excluded and not is_numerator as is_exception,
            nullif(exclusions, '') as exclusions
        from judged
    )

select *
from final
order by measure, period_start, person_id, episode
