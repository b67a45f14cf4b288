-- One row per fact: FHIR R4 resource of its domain. Each type has a macro of its own in macros/fhir.
with
    facts as (select * from {{ here(ref("interop_fact")) }}),

    final as (
        select
            'Encounter' as resource_type,
            fact_key as id,
            person_id,
            cast({{ fhir_encounter() }} as varchar) as resource
        from facts
        where domain = 'encounter'
        union all
        select
            'Condition' as resource_type,
            fact_key as id,
            person_id,
            cast({{ fhir_condition() }} as varchar) as resource
        from facts
        where domain = 'condition'
        union all
        select
            'Observation' as resource_type,
            fact_key as id,
            person_id,
            cast({{ fhir_observation() }} as varchar) as resource
        from facts
        where domain = 'measurement'
        union all
        select
            'MedicationRequest' as resource_type,
            fact_key as id,
            person_id,
            cast({{ fhir_medication_request() }} as varchar) as resource
        from facts
        where domain = 'medication'
        union all
        select
            'Procedure' as resource_type,
            fact_key as id,
            person_id,
            cast({{ fhir_procedure() }} as varchar) as resource
        from facts
        where domain = 'procedure'
        union all
        select
            'Immunization' as resource_type,
            fact_key as id,
            person_id,
            cast({{ fhir_immunization() }} as varchar) as resource
        from facts
        where domain = 'immunization'
        union all
        select
            'AllergyIntolerance' as resource_type,
            fact_key as id,
            person_id,
            cast({{ fhir_allergy_intolerance() }} as varchar) as resource
        from facts
        where domain = 'allergy'
        union all
        select
            'DiagnosticReport' as resource_type,
            fact_key as id,
            person_id,
            cast({{ fhir_diagnostic_report() }} as varchar) as resource
        from facts
        where domain = 'report'
        union all
        select
            'FamilyMemberHistory' as resource_type,
            fact_key as id,
            person_id,
            cast({{ fhir_family_member_history() }} as varchar) as resource
        from facts
        where domain = 'family_history'
        union all
        select
            'Device' as resource_type,
            fact_key as id,
            person_id,
            cast({{ fhir_device() }} as varchar) as resource
        from facts
        where domain = 'device'
        union all
        select
            'ImagingStudy' as resource_type,
            fact_key as id,
            person_id,
            cast({{ fhir_imaging_study() }} as varchar) as resource
        from facts
        where domain = 'imaging_study'
    )

select *
from final
