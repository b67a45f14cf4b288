-- One row per delivered copy of a patient.
select
    {{
        staged_person(
            {
                "source_table": "'synthea_patients'",
                "source_person_key": "id",
                "national_id": "ssn",
                "family": '"last"',
                "given": '"first"',
                "birth_date": "birthdate",
                "birth_date_text": "birthdate",
                "sex": administrative_sex("gender"),
                "death_at": "deathdate",
                "is_deceased": "deathdate is not null",
                "address_line": "address",
                "city": "city",
                "postal_code": "zip",
            }
        )
    }}
from {{ source("synthea", "synthea_patients") }}
