-- One row per candidate pair that is not plainly two people: agreement by field, Fellegi-Sunter weight (log2
-- of the likelihood ratio; names weighted by how common they are here) and the probability that they are one
-- person. Fellegi and Sunter 1969; weights in the seed linkage_weight.
{{ config(materialized="table") }}

{%- set levels = {
    "birth_date": ["equal", "near", "part", "differs"],
    "given": ["similar", "nickname", "initial", "alike", "differs"],
    "family": ["similar", "alike", "differs"],
    "phone": ["equal", "differs"],
    "email": ["equal", "differs"],
    "address": ["equal", "similar", "differs"],
    "city": ["equal", "similar", "differs"],
    "postal_code": ["equal", "near", "differs"],
    "sex": ["equal", "differs"],
    "national_id": ["equal", "near", "differs"],
} %}

with
    people as (
        select *
        from {{ ref("int_identity__person_record") }}
        where birth_date is not null or family_key is not null
    ),

    weights as (
        select
            {% for field in levels %}
                {%- set outer = loop %}
                {%- for level in levels[field] %}
                    max(
                        case when field = '{{ field }}' and level = '{{ level }}' then log2(m / u) end
                    ) as {{ field }}_{{ level }}
                    {%- if not (outer.last and loop.last) %},{% endif %}
                {% endfor %}
            {%- endfor %}
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
                when
                    cast(year(a.birth_date) = year(b.birth_date) as integer)
                    + cast(month(a.birth_date) = month(b.birth_date) as integer)
                    + cast(day(a.birth_date) = day(b.birth_date) as integer)
                    = 2
                then 'part'
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
                when jaro_winkler_similarity(a.given_key, b.given_key) >= 0.8
                then 'alike'
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
                when jaro_winkler_similarity(a.family_key, b.family_key) >= 0.8
                then 'alike'
                else 'differs'
            end as family_level,
            {{ agreement("a.phone_key", "b.phone_key") }} as phone_level,
            {{ agreement("a.email_key", "b.email_key") }} as email_level,
            {{
                agreement(
                    "a.address_key",
                    "b.address_key",
                    "similar",
                    "jaro_winkler_similarity(a.address_key, b.address_key) >= 0.9",
                )
            }} as address_level,
            {{
                agreement(
                    "a.city_key",
                    "b.city_key",
                    "similar",
                    "jaro_winkler_similarity(a.city_key, b.city_key) >= 0.9",
                )
            }} as city_level,
            {{
                agreement(
                    "a.postal_key",
                    "b.postal_key",
                    "near",
                    "left(a.postal_key, 3) = left(b.postal_key, 3)"
                    ~ " or damerau_levenshtein(a.postal_key, b.postal_key) <= 1",
                )
            }} as postal_code_level,
            {{ agreement("nullif(a.sex, 'unknown')", "nullif(b.sex, 'unknown')") }} as sex_level,
            {{
                agreement(
                    "a.national_key",
                    "b.national_key",
                    "near",
                    "damerau_levenshtein(a.national_key, b.national_key) <= 1",
                )
            }} as national_id_level,
            a.given_key as left_given,
            a.family_key as left_family
        from {{ ref("int_identity__candidate_pair") }} as pairs
        inner join people as a on a.node_id = pairs.left_id
        inner join people as b on b.node_id = pairs.right_id
        left join name_pairs on name_pairs.one = a.given_key and name_pairs.other = b.given_key
    ),

    weighed as (
        select
            compared.* exclude (left_given, left_family),
            {% for field in levels %}
                case
                    {{ field }}_level
                    {%- if field in ["given", "family"] %}
                        when 'equal' then log2(0.84 / greatest({{ field }}_shares.share, 0.001))
                    {%- endif %}
                    {%- for level in levels[field] %}
                        when '{{ level }}' then {{ field }}_{{ level }}
                    {%- endfor %}
                    else 0
                end as {{ field }}_weight,
            {% endfor %}
            n_people
        from compared
        cross join weights
        cross join population
        left join given_shares on given_shares.given_key = compared.left_given
        left join family_shares on family_shares.family_key = compared.left_family
    ),

    summed as (
        select
            *,
            -- city and postal code say the same of where one lives: only one of them counts
            birth_date_weight
            + given_weight
            + family_weight
            + phone_weight
            + email_weight
            + address_weight
            + case
                when city_level = 'missing'
                then postal_code_weight
                when postal_code_level = 'missing'
                then city_weight
                else greatest(city_weight, postal_code_weight)
            end
            + sex_weight
            + national_id_weight as weight
        from weighed
    ),

    -- before any evidence two records are one person with probability 1 in the number of people
    final as (
        select
            left_id,
            right_id,
            {% for field in levels %} {{ field }}_level, {% endfor %}
            round(weight, 6) as weight,
            round(1 / (1 + pow(2, log2(n_people) - weight)), 9) as probability
        from summed
        where weight > log2(n_people) - 5
    )

select *
from final
