-- One row per document; a document that replaces another takes that one back.
with
    documents as (
        select *, 'final' as status, false as is_retracted
        from {{ source("ccda", "ccda_document") }}
        union all by name
        select
            source,
            replaces_extension || '^^^' || replaces_root as document_id,
            patient_id,
            'replaced' as status,
            effective_time_iso,
            true as is_retracted,
            file_id,
            record_no
        from {{ source("ccda", "ccda_document") }}
        where replaces_type = 'RPLC' and replaces_root is not null and replaces_extension is not null
    )

select
    {{
        staged_record(
            {
                "source_table": "'ccda_document'",
                "source_id": "document_id",
                "source_person_key": "patient_id",
                "code_system": "case when code is not null then 'http://loinc.org' end",
                "code": "code",
                "display": "title",
                "category": "'document'",
                "status": "status",
                "is_retracted": "is_retracted",
            },
            event="effective_time_iso",
            text="effective_time",
            updated="effective_time_iso",
        )
    }}
from documents
