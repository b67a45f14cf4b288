-- One row per device of a person: FHIR R4 Device.
{% set resource = fhir_header("Device") %}
{% do resource.update(
    {
        "status": "case when status in ('active', 'inactive', 'unknown') then status end",
        "deviceName": "case when value_text is not null then json_array(json_object('name', value_text, 'type', 'user-friendly-name')) end",
        "modelNumber": "value_text",
        "type": fhir_code(),
        "patient": fhir_reference("Patient", "person_id"),
    }
) %}

with
    facts as (select * from {{ here(ref("interop_fact")) }} where domain = 'device'),

    final as (
        select fact_key as id, person_id, cast({{ fhir_object(resource) }} as varchar) as resource from facts
    )

select *
from final
