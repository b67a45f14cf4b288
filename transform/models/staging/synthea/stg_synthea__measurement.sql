-- One row per delivered copy of an observation. Quality-adjusted life years and the like have codes of
-- Synthea's own.
select
    {{
        staged_record(
            {
                "source_table": "'synthea_observations'",
                "source_id": "concat_ws('|', patient, encounter, code, date)",
                "source_person_key": "patient",
                "encounter_key": "encounter",
                "code": "code",
                "display": "description",
                "code_system": "case when regexp_full_match(code, '[0-9]+-[0-9]') then 'http://loinc.org' else 'local' end",
                "category": "category",
                "status": "'final'",
                "value_num": "case when type = 'numeric' then try_cast(value as double) end",
                "value_text": "case when type = 'numeric' then null else value end",
                "unit_src": "units",
            },
            event="date",
        )
    }}
from {{ source("synthea", "synthea_observations") }}
