{# A staged record of MIMIC-IV: `given` maps columns to their SQL, `event` and `recorded` name columns with a time. #}
{% macro mimic_iv_record(given, event=none, recorded=none) -%}
    {{ typed_record(dict({"source_person_key": "subject_id"}, **given), event=event, recorded=recorded) }}
{%- endmacro %}

{# Rows of a table with the label of their item. #}
{% macro mimic_iv_labelled(table, items="mimic_iv_d_items") -%}
    (
        select records.*, items.label
        from {{ source("mimic_iv", table) }} as records
        left join
            (select itemid, min(label) as label from {{ source("mimic_iv", items) }} group by itemid) as items
            on items.itemid = records.itemid
    )
{%- endmacro %}

{# One row per row of mimic_iv_labelled and coding: the one that means something elsewhere first (LOINC, where the seed #}
{# has the item), the item's own number always. #}
{% macro mimic_iv_coded(table, items="mimic_iv_d_items") -%}
    (
        select labelled.*, 1 as code_no, 'loinc' as code_system, concepts.loinc as code
        from {{ mimic_iv_labelled(table, items) }} as labelled
        inner join {{ ref("mimic_iv_item_concept") }} as concepts on concepts.itemid = labelled.itemid
        union all
        select *, 2, 'mimic_iv_item', cast(itemid as varchar)
        from {{ mimic_iv_labelled(table, items) }}
    )
{%- endmacro %}

{# Titles of ICD codes. #}
{% macro mimic_iv_titles(table) -%}
    (
        select icd_code, icd_version, min(long_title) as long_title
        from {{ source("mimic_iv", table) }}
        group by icd_code, icd_version
    )
{%- endmacro %}
