{# The moment an export is made for: `set variable known_at = timestamp '2019-07-01'` in the session; unset: now. #}
{% macro export_moment() -%} try_cast(getvariable('known_at') as timestamp) {%- endmacro %}

{# A relation by schema and name only: the published snapshot keeps these views, under whatever name the file has. #}
{% macro here(relation) -%} {{ relation.include(database=false) }} {%- endmacro %}

{# Every person, coding and version of a fact that the exports number: kind, key, hash of the key, and the id it wants. #}
{% macro interop_keys(kinds=["person", "event", "concept"]) -%}
    {%- set facts = "(select * from " ~ here(ref("twin_fact")) ~ " where person_id is not null)" -%}
    {%- set keys = {
        "person": "(select person_id as key from " ~ here(ref("twin_person")) ~ ")",
        "event": "(select fact_key as key from " ~ facts ~ ")",
        "concept": "(select code_system || '|' || code as key from "
        ~ facts
        ~ " where code is not null and code_system is not null union select 'ucum|' || coalesce(unit_std, unit_src) from "
        ~ facts
        ~ " where coalesce(unit_std, unit_src) is not null)",
    } -%}
    (
        {% for kind in kinds %}
            select
                '{{ kind }}' as kind,
                key,
                {{ interop_hash(kind, "key") }} as hash,
                {{ interop_id(kind, interop_hash(kind, "key")) }} as id
            from {{ keys[kind] }}
            {% if not loop.last %}
                union all
            {% endif %}
        {% endfor %}
    )
{%- endmacro %}

{# 64 bits of a key; others for every later round. Keys of people and facts are digests themselves. #}
{% macro interop_hash(kind, key, round=0) -%}
    {%- set hash = "md5_number_lower(" ~ key ~ " || '#" ~ round ~ "')" -%}
    {%- if kind == "concept" or round > 0 -%} {{ hash }}
    {%- else -%} coalesce(try_cast('0x' || right({{ key }}, 16) as ubigint), {{ hash }})
    {%- endif -%}
{%- endmacro %}

{# The id for a hash: what the site codes itself has a range of its own. #}
{% macro interop_id(kind, hash) -%}
    {%- if kind == "concept" -%} 2000000001 + cast({{ hash }} % 147483646 as bigint)
    {%- else -%} 1 + cast({{ hash }} % 1999999999 as bigint)
    {%- endif -%}
{%- endmacro %}

{# The id that a key, of which kind and key are known, wants in some round. #}
{% macro interop_id_of_round(round) -%}
    case
        when kind = 'concept'
        then {{ interop_id("concept", interop_hash("concept", "key", round)) }}
        else {{ interop_id("event", interop_hash("event", "key", round)) }}
    end
{%- endmacro %}

{# The name of a coding in the OMOP vocabularies, else the system itself, cut to what the CDM allows. #}
{% macro omop_vocabulary(system, listed) -%}
    coalesce(
        {{ listed }},
        case
            when length({{ system }}) <= 20
            then {{ system }}
            else left({{ system }}, 13) || left(md5({{ system }}), 7)
        end
    )
{%- endmacro %}

{# Time as FHIR writes it, no more precise than it is known. #}
{% macro fhir_time(time, precision="'second'") -%}
    case
        {{ precision }}
        when 'year'
        then strftime({{ time }}, '%Y')
        when 'month'
        then strftime({{ time }}, '%Y-%m')
        when 'day'
        then strftime({{ time }}, '%Y-%m-%d')
        else
            case
                when extract(microsecond from {{ time }}) % 1000000 = 0
                then strftime({{ time }}, '%Y-%m-%dT%H:%M:%SZ')
                else strftime({{ time }}, '%Y-%m-%dT%H:%M:%S.%fZ')
            end
    end
{%- endmacro %}

{# A JSON object without its null members: FHIR has no null. #}
{% macro fhir_object(members) -%}
    json_merge_patch(
        '{}'::json,
        json_object(
            {%- for name, value in members.items() %}
                '{{ name }}', {{ value }}{{ "," if not loop.last }}
            {%- endfor %}
        )
    )
{%- endmacro %}

{# As fhir_object, but null where the condition does not hold: FHIR has no empty object either. #}
{% macro fhir_object_if(condition, members) -%}
    case when {{ condition }} then {{ fhir_object(members) }} end
{%- endmacro %}

{# What every resource of a fact begins with. #}
{% macro fhir_header(type) -%}
    {%- do return(
        {
            "resourceType": "'" ~ type ~ "'",
            "id": "fact_key",
            "meta": fhir_object_if(
                "known_basis= 'recorded'", {"lastUpdated": fhir_time("known_at")}
            ),
        }
    ) -%}
{%- endmacro %}

{# The code of a fact as CodeableConcept. #}
{% macro fhir_code() -%}
    {{
        fhir_object_if(
            "code is not null or display is not null",
            {
                "coding": "case when code is not null then json_array("
                ~ fhir_object({"system": "code_uri", "code": "code", "display": "display"})
                ~ ") end",
                "text": "case when code is null then display end",
            },
        )
    }}
{%- endmacro %}

{% macro fhir_reference(type, id) -%}
    case when {{ id }} is not null then json_object('reference', '{{ type }}/' || {{ id }}) end
{%- endmacro %}

{% macro fhir_period(start="event_at", end="event_end_at", precision="event_precision") -%}
    {{
        fhir_object_if(
            start ~ " is not null or " ~ end ~ " is not null",
            {"start": fhir_time(start, precision), "end": fhir_time(end)},
        )
    }}
{%- endmacro %}
