with
    people as (select * from {{ ref("int_identity__person_record") }}),

    links as (select node_id, person_id from {{ ref("int_identity__link") }}),

    attributes as (
        {% for attribute, expression in [
            ("family", "family"),
            ("given", "given"),
            ("birth_date", "cast(birth_date as varchar)"),
            ("sex", "nullif(sex, 'unknown')"),
            ("death_date", "cast(cast(death_at as date) as varchar)"),
            ("phone", "phone"),
            ("email", "email"),
            ("address_line", "address_line"),
            ("city", "city"),
            ("postal_code", "postal_code"),
            ("mrn", "mrn"),
            ("national_id", "national_id"),
        ] %}
            select node_id, '{{ attribute }}' as attribute, {{ expression }} as value
            from people
            {% if not loop.last %}
                union all
            {% endif %}
        {% endfor %}
    ),

    final as (
        select
            links.person_id,
            attributes.attribute,
            attributes.value,
            people.source_system,
            people.source_person_key,
            people.id_type,
            people.updated_at as known_from
        from attributes
        inner join people on people.node_id = attributes.node_id
        inner join links on links.node_id = attributes.node_id
        where attributes.value is not null
    )

select *
from final
