{# The name of a file as readers see it: without folders, in small letters, without `.gz` or `.zst`. #}
{% macro plain_file_name(path) -%}
    regexp_replace(lower(regexp_extract({{ path }}, '[^/]*$')), '\.(gz|zst)$', '')
{%- endmacro %}
