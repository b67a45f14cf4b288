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

    round_0 as materialized(
        select 'person' as kind, person_id as key, {{ id_of("person_id", 0, "1999999999") }} as id
        from {{ ref("twin_person") }}
        union all
        select distinct 'event', fact_key, {{ id_of("fact_key", 0, "1999999999") }}
        from facts
        union all
        select 'concept', key, 2000000000 + {{ id_of("key", 0, "147483646") }}
        from codes
    ),

    -- what shares its number with others: few, so that only they are looked at again
    shared as materialized(
        select kind, id, min(key) as first_key from round_0 group by kind, id having count(*) > 1
    ),

    round_1 as materialized(
        select kind, key, {{ next_interop_id(1) }} as id
        from round_0
        inner join shared using (kind, id)
        where key <> first_key
    ),

    {% for round in range(1, rounds) %}
        kept_{{ round }} as materialized(
            select kind, min(key) as key, id
            from round_{{ round }}
            anti join
                (select kind, id from round_0 semi join round_{{ round }} using (kind, id)) using (kind, id)
            {% for before in range(1, round) %} anti join kept_{{ before }} using (kind, id) {% endfor %}
            group by kind, id
        ),

        round_{{ round + 1 }} as materialized(
            select kind, key, {{ next_interop_id(round + 1) }} as id
            from round_{{ round }}
            anti join kept_{{ round }} using (kind, key)
        ),
    {% endfor %}

    final as (
        select round_0.kind, round_0.key, round_0.id
        from round_0
        left join shared using (kind, id)
        where shared.first_key is null or shared.first_key = round_0.key
        {% for round in range(1, rounds) %}
            union all
            select kind, key, id
            from kept_{{ round }}
        {% endfor %}
        union all
        -- still taken after the last round: kept, so that the test fails and nothing is lost in silence
        select kind, key, id
        from round_{{ rounds }}
    )

select *
from final
