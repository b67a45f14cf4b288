{# The grain: no two rows share these columns, and none of them is null. #}
{% test unique_together(model, columns) %}
    select {{ columns | join(", ") }}
    from {{ model }}
    group by {{ columns | join(", ") }}
    having
        count(*) > 1
        or {% for column in columns %} {{ column }} is null{% if not loop.last %} or {% endif %} {% endfor %}
{% endtest %}
