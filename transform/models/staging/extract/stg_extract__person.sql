select
    {{
        staged_person(
            {
                "source_table": "'person_record'",
                "source_person_key": "person_key",
                "id_type": "id_type",
                "mrn": "case when id_type = 'mrn' then person_key end",
                "national_id": "national_id",
                "other_system": "other_system",
                "other_key": "other_key",
                "family": "family",
                "given": "given",
                "birth_date": "birth_date",
                "birth_date_text": "birth_date",
                "sex": administrative_sex("sex"),
                "death_at": "death_date",
                "is_deceased": "case when death_date is not null then true end",
                "phone": "phone",
                "email": "email",
                "address_line": "address_line",
                "city": "city",
                "postal_code": "postal_code",
                "updated_at": "recorded_at",
            }
        )
    }}
from {{ source("extract", "person_record") }}
