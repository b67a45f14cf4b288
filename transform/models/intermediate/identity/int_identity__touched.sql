-- One row per person whom an increment computes anew and each of their keys: of whom a new file says
-- something, or
-- who gained or lost a key; also who is no longer anybody. Records that name nobody stand under ''. Empty
-- in a whole
-- build.
{{ config(materialized="table") }}

with
    records as (select * from {{ ref("int_record__unioned") }}),

    deletions as (select * from {{ ref("stg_fhir__deletion") }}),

    exports as (select * from {{ ref("stg_fhir__export_file") }}),

    people as (select * from {{ ref("int_person__unioned") }}),

    samples as (select * from {{ ref("stg_wearables__sample") }}),

    workouts as (select * from {{ ref("stg_wearables__workout") }}),

    profiles as (select * from {{ ref("stg_wearables__profile") }}),

    links as (select * from {{ ref("int_identity__link") }}),

    {% if in_increment() %}
        links_before as (select * from increment.known_link),

        -- a late manifest of an export dates the deletions that came before it
        changed_records as (
            select source_system, source_table, source_id
            from records
            where file_id in (select file_id from increment.changed_file)
            union
            select source_system, source_table, source_id
            from deletions
            where
                {{ is_of_changed_file() }}
                or source_system in (select source_system from exports where {{ is_of_changed_file() }})
        ),

        -- whoever any copy of these records was about
        changed_keys as (
            select records.source_system, records.source_person_key
            from records
            inner join
                changed_records
                on changed_records.source_system = records.source_system
                and changed_records.source_table = records.source_table
                and changed_records.source_id is not distinct from records.source_id
            union
            {% for table in ["people", "samples", "workouts", "profiles"] %}
                select source_system, source_person_key
                from {{ table }}
                where {{ is_of_changed_file() }}
                {% if not loop.last %}
                    union
                {% endif %}
            {% endfor %}
        ),

        both_links as (
            select source_system, source_person_key, id_type, person_id
            from links
            union
            select source_system, source_person_key, id_type, person_id
            from links_before
        ),

        moved as (
            select person_id
            from both_links
            qualify count(*) over (partition by source_system, source_person_key, id_type) > 1
            union
            select links.person_id
            from links
            anti join links_before using (source_system, source_person_key, id_type)
            union
            select links_before.person_id
            from links_before
            anti join links using (source_system, source_person_key, id_type)
        ),

        touched as (
            select both_links.person_id
            from both_links
            inner join changed_keys using (source_system, source_person_key)
            union
            select person_id
            from moved
            union
            select ''
            from changed_keys
            where source_person_key is null
        ),

        final as (
            select touched.person_id, links.source_system, links.source_person_key
            from touched
            left join links on links.person_id = touched.person_id
        )
    {% else %} final as (select person_id, source_system, source_person_key from links where false)
    {% endif %}

select *
from final
