{# What records of an OMOP database have in common. Concept ids from 2,000,000,000 on belong to the site that made them. #}
{% macro omop_scope(concept_id, source) -%}
    case when {{ concept_id }} >= 2000000000 then {{ source }} else '' end
{%- endmacro %}

{# The moment of a date and its optional datetime. Midnight is what writers put where they know no time of day. #}
{% macro omop_time(date, datetime) -%}
    case
        when {{ datetime }} is null or cast({{ datetime }} as date) <> {{ date }}
        then cast({{ date }} as timestamp)
        else {{ datetime }}
    end
{%- endmacro %}

{% macro omop_precision(date, datetime) -%}
    case
        when {{ date }} is null
        then null
        when
            {{ datetime }} is null
            or cast({{ datetime }} as date) <> {{ date }}
            or {{ datetime }} = cast({{ date }} as timestamp)
        then 'day'
        else 'second'
    end
{%- endmacro %}

{# When an event ended. The CDM demands ends: one on the day of the start without a time of day says nothing. A day ends #}
{# when the next begins. #}
{% macro omop_end(start, end, datetime) -%}
    case
        when {{ datetime }} is null and {{ end }} = {{ start }}
        then null
        when {{ omop_precision(end, datetime) }} = 'day'
        then cast({{ end }} as timestamp) + interval 1 day
        else {{ datetime }}
    end
{%- endmacro %}

{# A staging model of one event table: one row per row and coding. A row is coded by its source concept, by its standard
   concept where that is another one, and, where the site delivered neither, by the number of the concept and the text of
   the source. Arguments name columns of the raw table; `values` maps columns of the common shape to expressions over
   `coded`. The CDM does not say when a fact became known. #}
{% macro omop_record(table, prefix, start, end=none, values={}) -%}
    {%- set id = values.get("id", prefix ~ "_id") -%}
    {%- set standard = values.get("standard", prefix ~ "_concept_id") -%}
    {%- set source_concept = values.get("source_concept", prefix ~ "_source_concept_id") -%}
    {%- set source_value = values.get("source_value", prefix ~ "_source_value") -%}
    with
        raw as (select * from {{ source("omop", table) }}),

        concepts as (select * from {{ ref("stg_omop__concept") }}),

        coded as (
            select
                raw.*,
                cast(1 as bigint) as code_no,
                concepts.vocabulary_id as code_system,
                concepts.concept_code as code,
                concepts.concept_name as display
            from raw
            inner join
                concepts
                on concepts.concept_id = raw.{{ source_concept }}
                and concepts.scope = {{ omop_scope("raw." ~ source_concept, "raw.source") }}
            where raw.{{ source_concept }} <> 0
            union all
            select
                raw.*, cast(2 as bigint), concepts.vocabulary_id, concepts.concept_code, concepts.concept_name
            from raw
            inner join
                concepts
                on concepts.concept_id = raw.{{ standard }}
                and concepts.scope = {{ omop_scope("raw." ~ standard, "raw.source") }}
            where raw.{{ standard }} <> 0 and raw.{{ standard }} is distinct from raw.{{ source_concept }}
            union all
            select
                raw.*,
                cast(3 as bigint),
                'omop',
                cast(nullif(raw.{{ standard }}, 0) as varchar),
                cast(null as varchar)
            from raw
            left join
                concepts
                on concepts.concept_id = raw.{{ standard }}
                and concepts.scope = {{ omop_scope("raw." ~ standard, "raw.source") }}
            where raw.{{ standard }} <> 0 and concepts.concept_id is null
            union all
            select raw.*, cast(4 as bigint), 'local', raw.{{ source_value }}, cast(null as varchar)
            from raw
            left join
                concepts as sources
                on sources.concept_id = raw.{{ source_concept }}
                and sources.scope = {{ omop_scope("raw." ~ source_concept, "raw.source") }}
            left join
                concepts as standards
                on standards.concept_id = raw.{{ standard }}
                and standards.scope = {{ omop_scope("raw." ~ standard, "raw.source") }}
            where coalesce(nullif(sources.concept_id, 0), nullif(standards.concept_id, 0)) is null
        ){{ "," if values.get("ctes") else "" }}
        {{ values.get("ctes", "") }}

    select
        {{
            staged_record(
                {
                    "source_system": "coded.source",
                    "source_table": "'" ~ table ~ "'",
                    "source_id": "coded." ~ id,
                    "source_person_key": "coded.person_id",
                    "encounter_key": values.get("encounter", "coded.visit_occurrence_id"),
                    "code_no": "coded.code_no",
                    "code_system": "coded.code_system",
                    "code": "coded.code",
                    "display": "coded.display",
                    "category": values.get("category"),
                    "status": values.get("status"),
                    "value_num": values.get("value_num"),
                    "comparator": values.get("comparator"),
                    "value_text": values.get("value_text"),
                    "value_code_system": values.get("value_code_system"),
                    "value_code": values.get("value_code"),
                    "unit_src": values.get("unit_src"),
                    "ref_low": values.get("ref_low"),
                    "ref_high": values.get("ref_high"),
                    "event_text": "coalesce(coded." ~ start ~ "time, cast(coded." ~ start ~ " as timestamp))",
                    "event_at": omop_time("coded." ~ start, "coded." ~ start ~ "time"),
                    "event_end_at": omop_end("coded." ~ start, "coded." ~ end, "coded." ~ end ~ "time") if end,
                    "event_precision": omop_precision("coded." ~ start, "coded." ~ start ~ "time"),
                    "file_id": "coded.file_id",
                    "record_no": "coded.record_no",
                }
            )
        }}
    from coded {{ values.get("joins", "") }}
{%- endmacro %}

{# The joins that give a measurement or observation its unit and its coded answer. #}
{% macro omop_value_joins() -%}
    left join
        concepts as units
        on units.concept_id = nullif(coded.unit_concept_id, 0)
        and units.scope = {{ omop_scope("coded.unit_concept_id", "coded.source") }}
        and units.vocabulary_id = 'UCUM'
    left join
        concepts as answers
        on answers.concept_id = nullif(coded.value_as_concept_id, 0)
        and answers.scope = {{ omop_scope("coded.value_as_concept_id", "coded.source") }}
{%- endmacro %}
