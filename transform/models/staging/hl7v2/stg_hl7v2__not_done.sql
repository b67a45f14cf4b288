-- One row per vaccination that was refused or not given (RXA-20 RE, NA) and coding, with the reason
-- (RXA-18).
select {{ hl7v2_vaccination({"category": "'immunization'", "value_code": "refusal_code"}) }}
from {{ hl7v2_coded(source("hl7v2", "hl7v2_immunization")) }}
where upper(completion_status) in ('RE', 'NA')
