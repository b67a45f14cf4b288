{# Tables and views are replaced where they stand: one statement in one transaction. dbt's own materializations build #}
{# beside the old relation, rename both and drop one, which costs more than most models here. There are no hooks, grants #}
{# or indexes in this project. #}
{% macro replacing(kind, sql) -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- if existing is not none and existing.type != kind -%}
        {%- do adapter.drop_relation(existing) -%}
    {%- endif -%}
    {%- set is_bound = config.get("contract").enforced -%}
    {#- the project is the same as when everything was built, and so are its columns #}
    {%- if is_bound and not in_increment() -%} {%- do assert_columns_equivalent(sql) -%} {%- endif -%}
    {%- if is_bound and kind == "table" -%}
        create or replace table {{ this }} {{ get_table_columns_and_constraints() }}
        ;
        insert into {{ this }} {{ get_column_names() }} ({{ get_select_subquery(sql) }})
        ;
    {%- else -%}
        create or replace {{ kind }} {{ this }} as ({{ sql }})
        ;
    {%- endif -%}
{%- endmacro %}

{% macro replaced(kind) -%}
    {%- set relation = this.incorporate(type=kind) -%}
    {%- call statement("main") -%} {{ replacing(kind, sql) }} {%- endcall -%}
    {%- do persist_docs(relation, model) -%}
    {%- do adapter.commit() -%}
    {{ return({"relations": [relation]}) }}
{%- endmacro %}

{% materialization table, adapter = "duckdb" -%} {{ return(replaced("table")) }} {%- endmaterialization %}

{% materialization view, adapter = "duckdb" -%} {{ return(replaced("view")) }} {%- endmaterialization %}

{# In an increment: what the strategy makes of the model's rows. Comments and columns stay what they are. #}
{% materialization incremental, adapter = "duckdb" -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- if existing is none or existing.is_view or should_full_refresh() -%}
        {{ return(replaced("table")) }}
    {%- endif -%}
    {%- set rows = api.Relation.create(identifier=this.identifier ~ "__new_rows", type="table") -%}
    {%- set strategy = adapter.get_incremental_strategy_macro(context, config.get("incremental_strategy")) -%}
    {%- do run_query("create or replace temporary table " ~ rows ~ " as (" ~ sql ~ ")") -%}
    {%- call statement("main") -%}
        {{
            strategy(
                {
                    "target_relation": existing,
                    "temp_relation": rows,
                    "dest_columns": adapter.get_columns_in_relation(existing),
                }
            )
        }}
    {%- endcall -%}
    {%- do adapter.commit() -%}
    {{ return({"relations": [existing]}) }}
{%- endmaterialization %}
