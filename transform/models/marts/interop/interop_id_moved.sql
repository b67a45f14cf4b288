-- One row per key whose number another key has: the number it gets instead. Of two keys with the same
-- number the
-- one with the smaller hash keeps it and the other is hashed again. Few have to move, so whoever wants a
-- number
-- hashes the key and looks here. After the last round the test of uniqueness decides.
{{ config(materialized="incremental", incremental_strategy="at_once", on_schema_change="fail") }}
{% set rounds = 5 %}

{% set touched_people = ref("int_identity__touched") %}
{% set touched_facts = touched(ref("twin_fact")) %}

with
    -- computed anew wherever it is asked: cheaper than to keep as many rows as there are facts
    every_key as not materialized(select * from {{ interop_keys() }} as keys),

    {% if in_increment() %}
        -- only who had to move, or wants what someone touched wants, can have to move now
        asked as (
            select kind, key
            from {{ this }}
            union
            select 'person', person_id
            from {{ touched_people }}
            union
            select 'event', fact_key
            from {{ touched_facts }} as facts
            union
            select kind, key
            from {{ interop_keys(["concept"]) }} as codes
        ),

        asked_ids as (select distinct kind, {{ interop_id_of_round(0) }} as id from asked),

        keys as materialized(select * from every_key semi join asked_ids using (kind, id)),
    {% else %} keys as not materialized(select * from every_key),
    {% endif %}

    shared as materialized(
        select kind, id, min(hash) as first_hash from keys group by kind, id having min(hash) <> max(hash)
    ),

    moved as materialized(
        select distinct kind, key from keys inner join shared using (kind, id) where hash <> first_hash
    ),

    next_ones as materialized(
        {% for round in range(1, rounds + 1) %}
            select kind, key, {{ round }} as round_no, {{ interop_id_of_round(round) }} as id
            from moved
            {% if not loop.last %}
                union all
            {% endif %}
        {% endfor %}
    ),

    taken as materialized(select distinct kind, id from every_key semi join next_ones using (kind, id)),

    {% for round in range(1, rounds) %}
        kept_{{ round }} as materialized(
            select kind, min(key) as key, id
            from next_ones
            anti join taken using (kind, id)
            {% for before in range(1, round) %}
                anti join kept_{{ before }} as id_{{ before }} using (kind, id)
                anti join kept_{{ before }} as key_{{ before }} using (kind, key)
            {% endfor %}
            where round_no = {{ round }}
            group by kind, id
        ),
    {% endfor %}

    final as (
        {% for round in range(1, rounds) %}
            select kind, key, id
            from kept_{{ round }}
            union all
        {% endfor %}
        -- still taken after the last round: kept, so that the test fails and nothing is lost in silence
        select kind, key, id
        from next_ones
        {% for round in range(1, rounds) %} anti join kept_{{ round }} using (kind, key) {% endfor %}
        where round_no = {{ rounds }}
    )

select *
from final
