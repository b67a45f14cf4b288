{# No rule of this category fails for more rows of its source than it may; rules that only inform do not count. #}
{% test dq_holds(model, kahn_category) %}
    select rule, source_system, failed, total
    from {{ model }}
    where is_latest and kahn_category = '{{ kahn_category }}' and not is_passed and severity <> 'info'
{% endtest %}
