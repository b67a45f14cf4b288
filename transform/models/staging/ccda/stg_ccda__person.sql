-- One row per record target (patient) of a document.
select
    {{
        staged_person(
            {
                "source_table": "'ccda_person'",
                "source_person_key": "patient_id",
                "mrn": "id_extension",
                "mrn_system": hl7_issuer("id_root"),
                "national_id": "national_id",
                "family": "family",
                "given": "given",
                "birth_date": hl7_date("birth_time_iso"),
                "birth_date_text": "birth_time",
                "sex": administrative_sex("gender"),
                "death_at": time_start("deceased_time_iso"),
                "is_deceased": "case when lower(deceased) = 'true' or deceased_time_iso is not null then true when lower(deceased) = 'false' then false end",
                "phone": "regexp_replace(phone, '^tel:', '')",
                "email": "regexp_replace(email, '^mailto:', '')",
                "address_line": "address_line",
                "city": "city",
                "postal_code": "postal_code",
                "updated_at": time_start("document_time_iso"),
            }
        )
    }}
from {{ source("ccda", "ccda_person") }}
