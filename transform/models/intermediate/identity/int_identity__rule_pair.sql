-- One row per pair of source person keys that a rule says are the same person. A shared number alone never
-- links: the birth date must agree too, unless the source itself says so.
{{ config(materialized="table") }}

with
    people as (select * from {{ ref("int_identity__person_record") }}),

    -- the source merged the two records itself
    replaced as (
        select people.node_id as left_id, others.node_id as right_id, 'replaced_by' as rule
        from people
        inner join
            people as others
            on others.source_system = people.source_system
            and others.id_type = people.id_type
            and others.source_person_key = people.replaced_by
    ),

    -- a device account or a sample keeps its key in the list, the dump and the genome file, whatever
    -- folder they came in; two different people that are both listed under the same key are left apart
    listed as (
        select id_type, source_person_key, min(node_id) as node_id, count(*) as n_listed
        from people
        where id_type in ('account', 'sample') and source_table is not null
        group by id_type, source_person_key
    ),

    same_key as (
        select people.node_id as left_id, listed.node_id as right_id, 'same_key' as rule
        from people
        inner join
            listed on listed.id_type = people.id_type and listed.source_person_key = people.source_person_key
        where people.source_table is null and listed.n_listed = 1
    ),

    national as (
        select people.node_id as left_id, others.node_id as right_id, 'national_id' as rule
        from people
        inner join
            people as others
            on others.national_key = people.national_key
            and others.birth_date = people.birth_date
            and others.node_id > people.node_id
    ),

    hospital_number as (
        select people.node_id as left_id, others.node_id as right_id, 'mrn' as rule
        from people
        inner join
            people as others
            on others.mrn = people.mrn
            and others.birth_date = people.birth_date
            and others.node_id > people.node_id
            and (
                (others.mrn_system = people.mrn_system)
                or (
                    others.source_system = people.source_system
                    and (others.mrn_system is null or people.mrn_system is null)
                )
            )
    ),

    -- a sample sheet or account list that names the hospital's number of the person
    named as (
        select people.node_id as left_id, others.node_id as right_id, 'other_key' as rule
        from people
        inner join
            people as others
            on others.id_type = 'mrn'
            and people.other_key = coalesce(others.mrn, others.source_person_key)
            and others.birth_date = people.birth_date
            and others.node_id <> people.node_id
            and (
                people.other_system is null
                or people.other_system in (others.source_system, others.mrn_system)
            )
    ),

    pairs as (
        select *
        from replaced
        union all
        select *
        from same_key
        union all
        select *
        from national
        union all
        select *
        from hospital_number
        union all
        select *
        from named
    ),

    final as (
        select least(left_id, right_id) as left_id, greatest(left_id, right_id) as right_id, min(rule) as rule
        from pairs
        where left_id <> right_id
        group by least(left_id, right_id), greatest(left_id, right_id)
    )

select *
from final
