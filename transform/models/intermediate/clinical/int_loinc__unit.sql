-- One row per LOINC code that this platform knows: in which unit its values are kept, and of what substance.
with
    codes as (select * from {{ ref("concept_code") }} where code_system = 'loinc' and match = 'exact'),

    concepts as (select * from {{ ref("concept") }}),

    own as (select * from {{ ref("analyte_code") }} where code_system = 'loinc'),

    of_concept as (select * from {{ ref("analyte_code") }} where code_system = 'concept'),

    analytes as (select * from {{ ref("analyte") }}),

    final as (
        select
            coalesce(codes.code, own.code) as loinc,
            codes.concept,
            concepts.label,
            concepts.canonical_unit,
            coalesce(own.analyte, of_concept.analyte) as analyte,
            analytes.molar_mass,
            analytes.valence
        from codes
        full join own on own.code = codes.code
        left join concepts on concepts.concept = codes.concept
        left join of_concept on of_concept.code = codes.concept
        left join analytes on analytes.analyte = coalesce(own.analyte, of_concept.analyte)
    )

select *
from final
