select
    {{
        staged_person(
            {
                "source_table": "'fhir_patient'",
                "source_person_key": "id",
                "mrn": "mrn",
                "mrn_system": "mrn_system",
                "national_id": "national_id",
                "family": "family",
                "given": "given",
                "birth_date": "case when "
                ~ time_precision("birth_date")
                ~ " = 'day' then try_cast(birth_date as date) end",
                "birth_date_text": "birth_date",
                "sex": administrative_sex("gender"),
                "death_at": time_start("deceased_at"),
                "is_deceased": "coalesce(deceased_flag, case when deceased_at is not null then true end)",
                "phone": "phone",
                "email": "email",
                "address_line": "address_line",
                "city": "city",
                "postal_code": "postal_code",
                "replaced_by": "replaced_by",
                "is_active": "active",
                "updated_at": time_start("last_updated"),
            }
        )
    }}
from {{ source("fhir", "fhir_patient") }}
