-- One row per pair of person records that share a blocking key and that no rule has linked already.
{{ config(materialized="table") }}

with
    people as (
        select *
        from {{ ref("int_identity__person_record") }}
        where birth_date is not null or family_key is not null
    ),

    -- pairs are only looked for where something agrees
    block_keys as (
        {% for key in [
            "'birth:' || birth_key",
            "'swapped:' || birth_key",
            "case when day(birth_date) <= 12 and day(birth_date) <> month(birth_date)"
            ~ " then 'swapped:' || strftime(birth_date, '%Y%d%m') end",
            "'national:' || national_key",
            "'phone:' || phone_key",
            "'email:' || email_key",
            "'address:' || address_key || '|' || coalesce(city_key, postal_key)",
            "'name:' || given_key || '|' || family_key",
            "'family:' || left(family_key, 4) || '|' || year(birth_date)",
            "'family:' || left(family_key, 4) || '|' || strftime(birth_date, '%m%d')",
            "'family:' || left(family_key, 4) || '|' || postal_key",
            "'given:' || given_key || '|' || postal_key",
            "'given:' || given_key || '|' || left(birth_key, 6)",
        ] %}
            select node_id, {{ key }} as block
            from people
            {% if not loop.last %}
                union all
            {% endif %}
        {% endfor %}
    ),

    blocks as (select distinct node_id, block from block_keys where block is not null),

    -- a key that hundreds share tells nothing and would cost the square of them
    useful as (select block from blocks group by block having count(*) between 2 and 500),

    pairs as (
        select distinct blocks.node_id as left_id, others.node_id as right_id
        from blocks
        inner join useful using (block)
        inner join blocks as others on others.block = blocks.block and others.node_id > blocks.node_id
    ),

    final as (
        select pairs.left_id, pairs.right_id
        from pairs
        left join
            {{ ref("int_identity__rule_pair") }} as rules
            on rules.left_id = pairs.left_id
            and rules.right_id = pairs.right_id
        where rules.left_id is null
    )

select *
from final
