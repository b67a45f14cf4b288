{%- set sources = ["fhir", "extract", "mimic_iv", "omop", "meds", "synthea", "hl7v2", "ccda", "dicom"] -%}
{%- for source in (["extract"] if var("only_person_lists") else sources) %}
    select *
    from {{ ref("stg_" ~ source ~ "__person") }}
    {% if not loop.last %}
        union all
    {% endif %}
{%- endfor %}
