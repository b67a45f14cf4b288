-- One row per administration of a vaccine (RXA) and coding. What was refused stands in
-- stg_hl7v2__not_done.
select
    {{
        hl7v2_vaccination(
            {
                "value_num": "try_cast(nullif(amount, '999') as double)",
                "value_text": "lot_number",
                "unit_src": "case when try_cast(nullif(amount, '999') as double) is not null then unit end",
            }
        )
    }}
from {{ hl7v2_coded(source("hl7v2", "hl7v2_immunization")) }}
where coalesce(upper(completion_status) not in ('RE', 'NA'), true)
