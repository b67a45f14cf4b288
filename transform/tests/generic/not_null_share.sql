{# At least this share of rows has a value. #}
{% test not_null_share(model, column_name, at_least) %}
    select count({{ column_name }}) as n_values, count(*) as n_rows
    from {{ model }}
    having count(*) > 0 and count({{ column_name }}) < {{ at_least }} * count(*)
{% endtest %}
