{# The content of some columns as one text: nulls stay apart from empty text, columns from each other. #}
{% macro digest(columns) -%}
    concat_ws(
        chr(31)
        {%- for column in columns %}
            , coalesce(cast({{ column }} as varchar), '{{ var("null_marker") }}')
        {%- endfor %}
    )
{%- endmacro %}
