{# Of one key, an interval [start, end) ends where or before the next one starts; an open end comes last. #}
{% test intervals_do_not_overlap(model, key, start, end, by_person=false) %}
    select {{ key }}
    from
        (
            select
                {{ key }},
                {{ start }} as starts,
                {{ end }} as ends,
                lead({{ start }}) over (
                    partition by {{ key }} order by {{ start }}, {{ end }} nulls last
                ) as next_starts
            from {{ model }}
            {% if by_person %} where {{ is_key_of_touched(model, key) }}{% endif %}
        ) as intervals
    where ends < starts or (next_starts is not null and (ends is null or ends > next_starts))
{% endtest %}
