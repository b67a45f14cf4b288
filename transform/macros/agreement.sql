{# equal, (a level between, where its condition is given), differs or missing: a value that is not there says nothing. #}
{% macro agreement(left, right, between=none, condition=none) -%}
    case
        when {{ left }} is null or {{ right }} is null
        then 'missing'
        when {{ left }} = {{ right }}
        then 'equal'
        {% if between %} when {{ condition }} then '{{ between }}' {% endif %}
        else 'differs'
    end
{%- endmacro %}
