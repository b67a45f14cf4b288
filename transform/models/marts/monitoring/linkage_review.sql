with
    pairs as (select * from {{ ref("int_identity__decided_pair") }} where decision = 'review'),

    links as (select * from {{ ref("int_identity__link") }}),

    final as (
        select
            left_links.source_system as left_source_system,
            left_links.id_type as left_id_type,
            left_links.source_person_key as left_source_person_key,
            left_links.person_id as left_person_id,
            right_links.source_system as right_source_system,
            right_links.id_type as right_id_type,
            right_links.source_person_key as right_source_person_key,
            right_links.person_id as right_person_id,
            cast(pairs.probability as double) as probability,
            cast(pairs.weight as double) as weight,
            pairs.birth_date_level,
            pairs.given_level,
            pairs.family_level,
            pairs.phone_level,
            pairs.email_level,
            pairs.postal_code_level,
            pairs.sex_level,
            pairs.national_id_level,
            case
                when pairs.has_rival
                then 'another record fits as well'
                when pairs.national_id_level = 'differs'
                then 'different national ids'
                when pairs.birth_date_level not in ('equal', 'near')
                then 'birth date does not agree'
                when pairs.given_level not in ('equal', 'similar', 'nickname', 'initial')
                then 'given name does not agree'
                else 'evidence is not enough'
            end as reason
        from pairs
        inner join links as left_links on left_links.node_id = pairs.left_id
        inner join links as right_links on right_links.node_id = pairs.right_id
        -- other evidence may have joined the two meanwhile
        where left_links.person_id <> right_links.person_id
    )

select *
from final
