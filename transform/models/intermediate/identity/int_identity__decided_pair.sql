-- One row per scored pair with its decision: `auto_link`, `review` or `apart`. Evidence of one kind is not
-- enough: twins
-- share all but the given name, father and son all but the birth date. A record has one counterpart per
-- hospital: of
-- several the best wins, and none when two are about as good.
{{ config(materialized="table") }}

with
    pairs as (select * from {{ ref("int_identity__scored_pair") }}),

    people as (select * from {{ ref("int_identity__person_record") }}),

    judged as (
        select
            pairs.*,
            left_people.source_system as left_source,
            left_people.id_type as left_type,
            right_people.source_system as right_source,
            right_people.id_type as right_type,
            pairs.birth_date_level in ('equal', 'near')
            and pairs.given_level in ('equal', 'similar', 'initial')
            and pairs.national_id_level <> 'differs' as is_coherent
        from pairs
        inner join people as left_people on left_people.node_id = pairs.left_id
        inner join people as right_people on right_people.node_id = pairs.right_id
    ),

    -- every pair seen from both ends: what competes for the same place
    seen as (
        select
            left_id,
            right_id,
            left_id as one_id,
            right_source as other_source,
            right_type as other_type,
            weight
        from judged
        where is_coherent
        union all
        select left_id, right_id, right_id, left_source, left_type, weight
        from judged
        where is_coherent
    ),

    ranked as (
        select
            *,
            max(weight) over (partition by one_id, other_source, other_type) as best_weight,
            lead(weight) over (
                partition by one_id, other_source, other_type order by weight desc, left_id, right_id
            ) as next_weight
        from seen
    ),

    rivalled as (
        select
            left_id,
            right_id,
            max(
                case
                    when other_type <> 'mrn'
                    then 0
                    when weight < best_weight
                    then 1
                    when next_weight is not null and best_weight - next_weight < 3
                    then 1
                    else 0
                end
            ) as has_rival
        from ranked
        group by left_id, right_id
    ),

    final as (
        select
            judged.*,
            coalesce(rivalled.has_rival, 0) = 1 as has_rival,
            case
                when
                    judged.is_coherent
                    and judged.probability >= {{ var("link_probability") }}
                    and coalesce(rivalled.has_rival, 0) = 0
                then 'auto_link'
                when judged.probability >= {{ var("review_probability") }}
                then 'review'
                else 'apart'
            end as decision
        from judged
        left join rivalled on rivalled.left_id = judged.left_id and rivalled.right_id = judged.right_id
    )

select *
from final
