{# Increments: orchestration/increment.py lists the new files in increment.changed_file, and a build then computes only #}
{# the people of whom they say something. Without the list every build is a whole one. README, "Increments". #}
{% macro in_increment() -%}
    {%- if not execute -%} {{ return(false) }} {%- endif -%}
    {{ return(adapter.get_relation(target.database, "increment", "changed_file") is not none) }}
{%- endmacro %}

{# dbt asks this for incremental models and seeds. #}
{% macro should_full_refresh() -%} {{ return(flags.FULL_REFRESH or not in_increment()) }} {%- endmacro %}

{# The condition that a row came with a new file; written out, so that it reaches the Parquet files' own statistics. #}
{% macro is_of_changed_file(column="file_id") -%}
    {%- if in_increment() -%}
        {%- set files = run_query("select file_id from increment.changed_file order by file_id") -%}
        {{ column }} in ('{{ files.columns[0].values() | join("', '") }}')
    {%- else -%} true
    {%- endif -%}
{%- endmacro %}

{# The rows of a relation that an increment has to look at; all of them in a whole build. #}
{% macro touched(relation, with_nobody=false) -%}
    {%- set people = ref("int_identity__touched") -%}
    {%- set person_id = "coalesce(person_id, '')" if with_nobody else "person_id" -%}
    {%- if in_increment() -%}
        (select * from {{ relation }} where {{ person_id }} in (select person_id from {{ people }}))
    {%- else -%} {{ relation }}
    {%- endif -%}
{%- endmacro %}

{# The same for rows that name a person by the source's key, and for those that name nobody. #}
{% macro touched_by_key(relation) -%}
    {%- set people = ref("int_identity__touched") -%}
    {%- if in_increment() -%}
        (
            select *
            from {{ relation }}
            where
                (source_system, source_person_key)
                in (select (source_system, source_person_key) from {{ people }})
                or (source_person_key is null and '' in (select person_id from {{ people }}))
        )
    {%- else -%} {{ relation }}
    {%- endif -%}
{%- endmacro %}

{# incremental_strategy="by_file": the rows of new files, once. #}
{% macro get_incremental_by_file_sql(arguments) -%}
    delete from {{ arguments.target_relation }}
    where file_id in (select file_id from increment.changed_file)
    ;
    {{ get_insert_into_sql(arguments.target_relation, arguments.temp_relation, arguments.dest_columns) }}
{%- endmacro %}

{# incremental_strategy="at_once": all rows anew, of a model that reads what it held before. #}
{% macro get_incremental_at_once_sql(arguments) -%}
    delete from {{ arguments.target_relation }}
    ;
    {{ get_insert_into_sql(arguments.target_relation, arguments.temp_relation, arguments.dest_columns) }}
{%- endmacro %}

{# incremental_strategy="by_person": the rows of touched people are computed anew, also where none are left. #}
{% macro get_incremental_by_person_sql(arguments) -%}
    {%- set theirs = "(select * from " ~ arguments.temp_relation ~ " where " ~ is_touched() ~ ")" -%}
    delete from {{ arguments.target_relation }}
    where {{ is_touched() }}
    ;
    {{ get_insert_into_sql(arguments.target_relation, theirs, arguments.dest_columns) }}
{%- endmacro %}

{# What a model computed of others, from a part of their data, does not count. #}
{% macro is_touched() -%}
    coalesce(person_id, '') in (select person_id from {{ ref("int_identity__touched") }})
{%- endmacro %}

{# The condition that a key is one that an increment could have given to two rows; always true in a whole build. Tests #}
{# ask this: it names the list of people without ref(), which would make them tests of that list, too. #}
{% macro is_key_of_touched(relation, key) -%}
    {%- if in_increment() -%}
        {{ key }} in (
            select {{ key }}
            from {{ relation }}
            where
                coalesce(person_id, '')
                in (select person_id from {{ target.database }}.intermediate.int_identity__touched)
        )
    {%- else -%} true
    {%- endif -%}
{%- endmacro %}
