-- One row per pair of person records that share a blocking key: agreement by field, Fellegi-Sunter weight
-- (log2 of the likelihood ratio; names weighted by how common they are here) and the probability that they
-- are one person. Fellegi and Sunter 1969; weights in the seed linkage_weight.
{{ config(materialized="table") }}

with
    people as (
        select *
        from {{ ref("int_identity__person_record") }}
        where birth_date is not null or family_key is not null
    ),

    rules as (select left_id, right_id from {{ ref("int_identity__rule_pair") }}),

    weights as (
        select
            {% for field, level in [
                ("birth_date", "equal"),
                ("birth_date", "near"),
                ("birth_date", "differs"),
                ("given", "similar"),
                ("given", "nickname"),
                ("given", "initial"),
                ("given", "differs"),
                ("family", "similar"),
                ("family", "differs"),
                ("phone", "equal"),
                ("phone", "differs"),
                ("email", "equal"),
                ("email", "differs"),
                ("postal_code", "equal"),
                ("postal_code", "near"),
                ("postal_code", "differs"),
                ("sex", "equal"),
                ("sex", "differs"),
                ("national_id", "differs"),
            ] %}
                max(
                    case when field = '{{ field }}' and level = '{{ level }}' then log2(m / u) end
                ) as {{ field }}_{{ level }}
                {%- if not loop.last %},{% endif %}
            {% endfor %}
        from {{ ref("linkage_weight") }}
    ),

    nicknames as (select * from {{ ref("nickname") }}),

    -- names that stand for each other: Bob and Robert, Bob and Rob
    name_pairs as (
        select nickname as one, given as other
        from nicknames
        union
        select given, nickname
        from nicknames
        union
        select nicknames.nickname, others.nickname
        from nicknames
        inner join
            nicknames as others on others.given = nicknames.given and others.nickname <> nicknames.nickname
    ),

    population as (select greatest(count(*), 2) as n_people from people),

    given_shares as (
        select given_key, count(*) / (select n_people from population) as share
        from people
        where given_key is not null
        group by given_key
    ),

    family_shares as (
        select family_key, count(*) / (select n_people from population) as share
        from people
        where family_key is not null
        group by family_key
    ),

    -- pairs are only looked for where something agrees
    block_keys as (
        select node_id, 'birth:' || birth_key as block
        from people
        union all
        select node_id, 'swapped:' || strftime(birth_date, '%Y%d%m')
        from people
        where day(birth_date) <= 12 and day(birth_date) <> month(birth_date)
        union all
        select node_id, 'swapped:' || birth_key
        from people
        union all
        select node_id, 'phone:' || phone_key
        from people
        union all
        select node_id, 'email:' || email_key
        from people
        union all
        select node_id, 'name:' || given_key || '|' || family_key
        from people
        union all
        select node_id, 'family:' || left(family_key, 4) || '|' || year(birth_date)
        from people
        union all
        select node_id, 'family:' || left(family_key, 4) || '|' || strftime(birth_date, '%m%d')
        from people
        union all
        select node_id, 'given:' || given_key || '|' || postal_key
        from people
        union all
        select node_id, 'given:' || given_key || '|' || left(birth_key, 6)
        from people
    ),

    blocks as (select distinct node_id, block from block_keys where block is not null),

    -- a key that hundreds share tells nothing and would cost the square of them
    useful as (select block from blocks group by block having count(*) between 2 and 500),

    candidates as (
        select distinct blocks.node_id as left_id, others.node_id as right_id
        from blocks
        inner join useful using (block)
        inner join blocks as others on others.block = blocks.block and others.node_id > blocks.node_id
    ),

    pairs as (
        select candidates.left_id, candidates.right_id
        from candidates
        left join rules on rules.left_id = candidates.left_id and rules.right_id = candidates.right_id
        where rules.left_id is null
    ),

    compared as (
        select
            pairs.left_id,
            pairs.right_id,
            case
                when a.birth_date is null or b.birth_date is null
                then 'missing'
                when a.birth_date = b.birth_date
                then 'equal'
                when
                    damerau_levenshtein(a.birth_key, b.birth_key) <= 1
                    or strftime(a.birth_date, '%Y%d%m') = b.birth_key
                then 'near'
                else 'differs'
            end as birth_date_level,
            case
                when a.given_key is null or b.given_key is null
                then 'missing'
                when a.given_key = b.given_key
                then 'equal'
                when name_pairs.one is not null
                then 'nickname'
                when length(a.given_key) = 1 or length(b.given_key) = 1
                then case when left(a.given_key, 1) = left(b.given_key, 1) then 'initial' else 'differs' end
                when jaro_winkler_similarity(a.given_key, b.given_key) >= 0.9
                then 'similar'
                -- given and family name in each other's place
                when a.given_key = b.family_key and a.family_key = b.given_key
                then 'equal'
                else 'differs'
            end as given_level,
            case
                when a.family_key is null or b.family_key is null
                then 'missing'
                when a.family_key = b.family_key
                then 'equal'
                when jaro_winkler_similarity(a.family_key, b.family_key) >= 0.9
                then 'similar'
                when a.given_key = b.family_key and a.family_key = b.given_key
                then 'equal'
                else 'differs'
            end as family_level,
            {{ agreement("a.phone_key", "b.phone_key") }} as phone_level,
            {{ agreement("a.email_key", "b.email_key") }} as email_level,
            case
                when a.postal_key is null or b.postal_key is null
                then 'missing'
                when a.postal_key = b.postal_key
                then 'equal'
                when left(a.postal_key, 3) = left(b.postal_key, 3)
                then 'near'
                else 'differs'
            end as postal_code_level,
            {{ agreement("nullif(a.sex, 'unknown')", "nullif(b.sex, 'unknown')") }} as sex_level,
            {{ agreement("a.national_key", "b.national_key") }} as national_id_level,
            a.given_key as left_given,
            a.family_key as left_family
        from pairs
        inner join people as a on a.node_id = pairs.left_id
        inner join people as b on b.node_id = pairs.right_id
        left join name_pairs on name_pairs.one = a.given_key and name_pairs.other = b.given_key
    ),

    weighed as (
        select
            compared.* exclude (left_given, left_family),
            case
                birth_date_level
                when 'equal'
                then birth_date_equal
                when 'near'
                then birth_date_near
                when 'differs'
                then birth_date_differs
                else 0
            end + case
                given_level
                when 'equal'
                then log2(0.84 / greatest(given_shares.share, 0.001))
                when 'similar'
                then given_similar
                when 'nickname'
                then given_nickname
                when 'initial'
                then given_initial
                when 'differs'
                then given_differs
                else 0
            end
            + case
                family_level
                when 'equal'
                then log2(0.84 / greatest(family_shares.share, 0.001))
                when 'similar'
                then family_similar
                when 'differs'
                then family_differs
                else 0
            end
            + case phone_level when 'equal' then phone_equal when 'differs' then phone_differs else 0 end
            + case email_level when 'equal' then email_equal when 'differs' then email_differs else 0 end
            + case
                postal_code_level
                when 'equal'
                then postal_code_equal
                when 'near'
                then postal_code_near
                when 'differs'
                then postal_code_differs
                else 0
            end
            + case sex_level when 'equal' then sex_equal when 'differs' then sex_differs else 0 end
            + case national_id_level when 'differs' then national_id_differs else 0 end as weight
        from compared
        cross join weights
        left join given_shares on given_shares.given_key = compared.left_given
        left join family_shares on family_shares.family_key = compared.left_family
    ),

    -- before any evidence two records are one person with probability 1 in the number of people
    final as (
        select
            left_id,
            right_id,
            birth_date_level,
            given_level,
            family_level,
            phone_level,
            email_level,
            postal_code_level,
            sex_level,
            national_id_level,
            round(weight, 6) as weight,
            round(1 / (1 + pow(2, log2(n_people) - weight)), 9) as probability
        from weighed
        cross join population
        where weight > log2(n_people) - 5
    )

select *
from final
