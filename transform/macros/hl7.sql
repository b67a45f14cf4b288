{# The identifier of an issuer as FHIR writes it: an OID becomes a URN, anything else stays. #}
{% macro hl7_issuer(text) -%}
    case when regexp_full_match({{ text }}, '[0-2](\.\d+)+') then 'urn:oid:' || {{ text }} else {{ text }} end
{%- endmacro %}

{# A code system as HL7 v2 names it: local tables and tables of a site are codes of the source only (table 0396). #}
{% macro hl7v2_system(text) -%}
    case
        when upper({{ text }}) = 'L' or regexp_full_match(upper({{ text }}), '99[A-Z0-9]*|L[0-9]{1,3}')
        then 'local'
        else {{ text }}
    end
{%- endmacro %}
