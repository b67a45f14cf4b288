-- One row per source person key with the person it belongs to: connected components over rules and
-- automatic links. The person's id comes from the smallest key of the component, so it depends on neither
-- load order nor counters.
{{ config(materialized="table") }}

with recursive
    people as (select * from {{ ref("int_identity__person_record") }}),

    edges as (
        select left_id, right_id, 'deterministic' as method, cast(1 as double) as score
        from {{ ref("int_identity__rule_pair") }}
        where {{ var("link_people") }}
        union all
        select left_id, right_id, 'probabilistic', probability
        from {{ ref("int_identity__decided_pair") }}
        where decision = 'auto_link' and {{ var("link_people") }}
    ),

    both_ways as (
        select left_id as from_id, right_id as to_id
        from edges
        union
        select right_id, left_id
        from edges
    ),

    reached as (
        select node_id, node_id as other_id
        from people
        union
        select reached.node_id, both_ways.to_id
        from reached
        inner join both_ways on both_ways.from_id = reached.other_id
    ),

    components as (
        select
            reached.node_id,
            min(
                concat_ws('|', people.source_system, people.source_person_key, people.id_type)
            ) as smallest_key,
            count(*) as n_keys
        from reached
        inner join people on people.node_id = reached.other_id
        group by reached.node_id
    ),

    -- how a key came to its person: its own best edge
    best_edges as (
        select
            node_id,
            max(score) as score,
            max(case when method = 'deterministic' then 1 else 0 end) as is_deterministic
        from
            (
                select left_id as node_id, method, score
                from edges
                union all
                select right_id, method, score
                from edges
            )
        group by node_id
    ),

    in_review as (
        select left_id as node_id
        from {{ ref("int_identity__decided_pair") }}
        where decision = 'review'
        union
        select right_id
        from {{ ref("int_identity__decided_pair") }}
        where decision = 'review'
    ),

    final as (
        select
            people.node_id,
            people.source_system,
            people.source_person_key,
            people.id_type,
            'P' || left(md5(components.smallest_key), 16) as person_id,
            case
                when components.n_keys = 1
                then 'singleton'
                when best_edges.is_deterministic = 1
                then 'deterministic'
                else 'probabilistic'
            end as method,
            coalesce(best_edges.score, 1) as score,
            people.first_known_at as known_from,
            cast(null as timestamp) as known_to,
            case when in_review.node_id is not null then 'to_review' else 'automatic' end as review_status
        from people
        inner join components on components.node_id = people.node_id
        left join best_edges on best_edges.node_id = people.node_id
        left join in_review on in_review.node_id = people.node_id
    )

select *
from final
