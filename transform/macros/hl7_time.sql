{# Times as HL7 writes them, in v2 and CDA alike: `2020`, `202005`, `20200503`, `2020050310`, `20200503101530.25+0200`.
   Yields the same time in the form that the macros in time.sql read, null for what is no such time. A time of the day
   without an offset takes the one of `zone_from`, the message's or document's own time (HL7 v2.5.1, 2.A.22). #}
{% macro hl7_time(text, zone_from) -%}
    case
        when regexp_full_match({{ text }}, '\d{4}([+-]\d{4})?')
        then left({{ text }}, 4)
        when regexp_full_match({{ text }}, '\d{6}([+-]\d{4})?')
        then regexp_replace({{ text }}, '^(\d{4})(\d{2}).*$', '\1-\2')
        when regexp_full_match({{ text }}, '\d{8}([+-]\d{4})?')
        then regexp_replace({{ text }}, '^(\d{4})(\d{2})(\d{2}).*$', '\1-\2-\3')
        when regexp_full_match({{ text }}, '\d{10}(\d{2}(\d{2}(\.\d*)?)?)?([+-]\d{4})?')
        then
            regexp_replace(left({{ text }}, 10), '^(\d{4})(\d{2})(\d{2})(\d{2})$', '\1-\2-\3T\4:')
            || coalesce(nullif(regexp_extract({{ text }}, '^\d{10}(\d{2})', 1), ''), '00')
            || ':'
            || coalesce(nullif(regexp_extract({{ text }}, '^\d{12}(\d{2})', 1), ''), '00')
            || regexp_extract({{ text }}, '^\d{14}(\.\d+)', 1)
            || coalesce(
                nullif(regexp_extract({{ text }}, '([+-]\d{4})$', 1), ''),
                nullif(regexp_extract({{ zone_from }}, '([+-]\d{4})$', 1), ''),
                ''
            )
    end
{%- endmacro %}

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
