select
    {{
        fhir_record(
            {
                "source_table": "'fhir_imaging_study'",
                "code_no": "1",
                "code_system": "case when body_site_code is not null then 'http://snomed.info/sct' end",
                "code": "body_site_code",
                "display": "coalesce(body_site_display, description)",
                "category": "modality",
                "value_num": "instance_count",
                "value_text": "description",
                "unit_src": "case when instance_count is not null then '{instance}' end",
            },
            event="started",
        )
    }}
from {{ source("fhir", "fhir_imaging_study") }}
