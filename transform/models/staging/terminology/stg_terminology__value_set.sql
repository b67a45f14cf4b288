with
    raw as (select * from {{ source("terminology", "value_set_code") }}),

    final as (
        select
            value_set as value_set_text,
            -- http://cts.nlm.nih.gov/fhir/ValueSet/<oid>|<version>, urn:oid:<oid> and <oid> are the same
            regexp_extract(split_part(value_set, '|', 1), '([^/:]+)$', 1) as oid,
            name,
            code_system,
            code,
            display,
            file_id,
            record_no
        from raw
    )

select *
from final
