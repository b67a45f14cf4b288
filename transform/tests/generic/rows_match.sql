{# This model has as many rows as another. #}
{% test rows_match(model, compare_model) %}
    select n_here, n_there
    from (select count(*) as n_here from {{ model }}) as here
    cross join (select count(*) as n_there from {{ compare_model }}) as there
    where n_here <> n_there
{% endtest %}
