-- One row per person: FHIR R4 Patient with what the sources say now of name, address and numbers.
with
    people as (select * from {{ here(ref("interop_person")) }}),

    attributes as (
        select person_id, attribute, value
        from {{ here(ref("twin_person_attribute")) }}
        qualify
            row_number() over (
                partition by person_id, attribute
                order by known_from desc nulls last, source_system, source_person_key, value
            )
            = 1
    ),

    named as (
        select
            people.*,
            {% for attribute in [
                "family",
                "given",
                "phone",
                "email",
                "address_line",
                "city",
                "postal_code",
                "mrn",
                "national_id",
            ] %}
                max(attributes.value) filter (where attribute = '{{ attribute }}') as {{ attribute }}
                {{- "," if not loop.last }}
            {% endfor %}
        from people
        left join attributes on attributes.person_id = people.person_id
        group by all
    ),

    final as (
        select
            person_id as id,
            person_id,
            cast(
                {{
                    fhir_object(
                        {
                            "resourceType": "'Patient'",
                            "id": "person_id",
                            "identifier": "json_array(json_object('system', 'urn:twin:person', 'value', person_id))",
                            "name": "case when family is not null or given is not null then json_array("
                            ~ fhir_object(
                                {
                                    "family": "family",
                                    "given": "case when given is not null then [given] end",
                                }
                            )
                            ~ ") end",
                            "telecom": "to_json(list_concat(case when phone is not null then [{'system': 'phone', 'value': phone}] else [] end, case when email is not null then [{'system': 'email', 'value': email}] else [] end))",
                            "gender": "sex",
                            "birthDate": "coalesce(strftime(birth_date, '%Y-%m-%d'), cast(birth_year as varchar))",
                            "deceasedDateTime": "strftime(death_date, '%Y-%m-%d')",
                            "address": "case when coalesce(address_line, city, postal_code) is not null then json_array("
                            ~ fhir_object(
                                {
                                    "line": "case when address_line is not null then [address_line] end",
                                    "city": "city",
                                    "postalCode": "postal_code",
                                }
                            )
                            ~ ") end",
                        }
                    )
                }}
                as varchar
            ) as resource
        from named
    )

select *
from final
