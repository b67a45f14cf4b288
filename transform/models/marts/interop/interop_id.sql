-- One row per key: its stable integer. A hash of the key; of two keys with the same number the first
-- keeps it and the other is hashed again. The CDM's columns are 32 bits wide, so people and events
-- share 1 … 1,999,999,999, and what the site codes itself lies from 2,000,000,001 on, as OMOP
-- reserves. After the last round the test of uniqueness decides.
{{ config(materialized="table") }}
{% set rounds = 5 %}

with
    facts as (select * from {{ ref("twin_fact") }} where person_id is not null),

    codes as (
        select code_system || '|' || code as key
        from facts
        where code is not null and code_system is not null
        union
        select 'ucum|' || coalesce(unit_std, unit_src)
        from facts
        where coalesce(unit_std, unit_src) is not null
    ),

    round_0 as (
        select 'person' as kind, person_id as key, {{ id_of("person_id", 0, "1999999999") }} as id
        from {{ ref("twin_person") }}
        union all
        select distinct 'event', fact_key, {{ id_of("fact_key", 0, "1999999999") }}
        from facts
        union all
        select 'concept', key, 2000000000 + {{ id_of("key", 0, "147483646") }}
        from codes
    ),

    {% for round in range(rounds) %}
        kept_{{ round }} as (
            select kind, min(key) as key, id
            from round_{{ round }}
            {% if round > 0 %} anti join settled_{{ round - 1 }} using (kind, id) {% endif %}
            group by kind, id
        ),

        settled_{{ round }} as (
            select *
            from kept_{{ round }}
            {% if round > 0 %}
                union all
                select *
                from settled_{{ round - 1 }}
            {% endif %}
        ),

        round_{{ round + 1 }} as (
            select
                kind,
                key,
                case
                    when kind = 'concept'
                    then 2000000000 + {{ id_of("key", round + 1, "147483646") }}
                    else {{ id_of("key", round + 1, "1999999999") }}
                end as id
            from round_{{ round }}
            anti join settled_{{ round }} using (kind, key)
        ),
    {% endfor %}

    final as (
        select kind, key, id
        from settled_{{ rounds - 1 }}
        union all
        -- still taken after the last round: kept, so that the test fails and nothing is lost in silence
        select kind, key, id
        from round_{{ rounds }}
    )

select *
from final
