-- One row per scored pair with its decision: `auto_link`, `review` or `apart`. A high sum is not enough:
-- twins share all but the given name and the number, father and son all but the birth date and the number.
-- A record has one counterpart per hospital: of several the best wins, and none when two are about as good.
{{ config(materialized="table") }}

with
    pairs as (select * from {{ ref("int_identity__scored_pair") }}),

    people as (select * from {{ ref("int_identity__person_record") }}),

    described as (
        select
            pairs.*,
            left_people.source_system as left_source,
            left_people.id_type as left_type,
            right_people.source_system as right_source,
            right_people.id_type as right_type,
            pairs.birth_date_level in ('equal', 'near') as is_same_birth_date,
            pairs.given_level in ('equal', 'similar', 'nickname', 'initial') as is_same_given,
            pairs.national_id_level in ('equal', 'near') as is_same_number,
            pairs.address_level in ('equal', 'similar')
            or pairs.postal_code_level = 'equal'
            or pairs.phone_level = 'equal'
            or pairs.email_level = 'equal' as is_same_contact
        from pairs
        inner join people as left_people on left_people.node_id = pairs.left_id
        inner join people as right_people on right_people.node_id = pairs.right_id
    ),

    -- what names one person, and not also a twin or a parent
    judged as (
        select
            *,
            case
                when not {{ var("guard_households") }}
                then true
                when is_same_birth_date and is_same_given
                -- a wrong number is believed to be a slip only where the two can be reached at one place
                then national_id_level <> 'differs' or is_same_contact
                when is_same_number
                then
                    is_same_birth_date
                    or is_same_given
                    or given_level = 'missing'
                    or birth_date_level = 'missing'
                else false
            end as is_coherent
        from described
    ),

    -- every pair seen from both ends: what competes for the same place
    seen as (
        select
            left_id,
            right_id,
            left_id as one_id,
            right_id as other_id,
            left_source as one_source,
            right_source as other_source,
            right_type as other_type,
            weight
        from judged
        where is_coherent
        union all
        select left_id, right_id, right_id, left_id, right_source, left_source, left_type, weight
        from judged
        where is_coherent
    ),

    -- two records of one hospital that are one person themselves do not compete
    same_person as (
        select left_id, right_id
        from {{ ref("int_identity__rule_pair") }}
        union
        select left_id, right_id
        from judged
        where is_coherent and probability >= {{ var("link_probability") }} and left_source = right_source
    ),

    rivalled as (
        select distinct seen.left_id, seen.right_id
        from seen
        inner join
            seen as rival
            on rival.one_id = seen.one_id
            and rival.other_source = seen.other_source
            and rival.other_type = seen.other_type
            and rival.other_id <> seen.other_id
            and rival.weight > seen.weight - {{ var("rival_margin") }}
        left join
            same_person
            on same_person.left_id = least(seen.other_id, rival.other_id)
            and same_person.right_id = greatest(seen.other_id, rival.other_id)
        where
            seen.other_type = 'mrn' and same_person.left_id is null
            {% if not var("guard_households") %} and seen.one_source <> seen.other_source {% endif %}
    ),

    final as (
        select
            judged.* exclude (is_same_birth_date, is_same_given, is_same_number, is_same_contact),
            rivalled.left_id is not null as has_rival,
            case
                when
                    judged.is_coherent
                    and judged.probability >= {{ var("link_probability") }}
                    and rivalled.left_id is null
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
