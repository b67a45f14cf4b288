{# The grain: no two rows share these columns, and none of them is null. With `by_person`, for models that are completed #}
{# so, an increment looks at the keys of touched people only, whoever else has them. #}
{% test unique_together(model, columns, by_person=false) %}
    select {{ columns | join(", ") }}
    from {{ model }}
    {% if by_person %} where {{ is_key_of_touched(model, columns[0]) }}{% endif %}
    group by {{ columns | join(", ") }}
    having
        count(*) > 1
        or {% for column in columns %} {{ column }} is null{% if not loop.last %} or {% endif %} {% endfor %}
{% endtest %}
