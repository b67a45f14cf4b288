-- One row per delivered copy of a patient. MIMIC publishes an age in a shifted year: the year of birth
-- follows from both. Deaths are known up to a year after the last discharge: no date of death does not mean
-- alive.
select
    {{
        staged_person(
            {
                "source_table": "'mimic_iv_patients'",
                "source_person_key": "subject_id",
                "birth_date_text": "anchor_year - anchor_age",
                "sex": administrative_sex("gender"),
                "death_at": "dod",
                "is_deceased": "case when dod is not null then true end",
            }
        )
    }}
from {{ source("mimic_iv", "mimic_iv_patients") }}
