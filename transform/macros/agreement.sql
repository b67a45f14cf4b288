{# equal, differs or missing: a value that is not there says nothing. #}
{% macro agreement(left, right) -%}
    case
        when {{ left }} is null or {{ right }} is null
        then 'missing'
        when {{ left }} = {{ right }}
        then 'equal'
        else 'differs'
    end
{%- endmacro %}
