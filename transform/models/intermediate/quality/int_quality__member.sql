-- One row per value set that a measure names and code in it, whoever delivered the value set. Codes that a
-- measure names directly are sets of their own. Where no value set was delivered nothing is measured.
{{ config(materialized="table") }}

with
    delivered as (select * from {{ ref("stg_terminology__value_set") }} where code is not null),

    named as (select * from {{ ref("quality_value_set") }}),

    codes as (select * from {{ ref("quality_code") }}),

    systems as (select * from {{ ref("code_system") }}),

    members as (
        select
            named.value_set,
            coalesce(systems.code_system, delivered.code_system) as code_system,
            trim(delivered.code) as code
        from delivered
        inner join named on named.oid = delivered.oid
        left join systems on systems.alias = lower(trim(delivered.code_system))
        union all
        select value_set, code_system, code
        from codes
        where exists (select 1 from delivered)
    ),

    final as (
        select distinct value_set, code_system, {{ code_key("code_system", "code") }} as code from members
    )

select *
from final
