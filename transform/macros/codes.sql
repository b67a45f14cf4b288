{# A code as it is compared: ICD codes without the dot, which half of all sources leave out. #}
{% macro code_key(system, code) -%}
    case
        when starts_with({{ system }}, 'icd')
        then upper(replace(trim({{ code }}), '.', ''))
        else trim({{ code }})
    end
{%- endmacro %}
