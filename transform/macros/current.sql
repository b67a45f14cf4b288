{# What is held to be true now: the latest version, unless it takes the fact back. #}
{% macro is_current() -%} superseded_at is null and op <> 'retract' {%- endmacro %}
