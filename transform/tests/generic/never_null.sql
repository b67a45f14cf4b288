{# None of these columns is null in any row: one query for all of them. #}
{% test never_null(model, columns) %}
    select {{ columns | join(", ") }}
    from {{ model }}
    where {% for column in columns %} {{ column }} is null{% if not loop.last %} or {% endif %} {% endfor %}
{% endtest %}
