-- Charlson index: the comorbidities' codes after Quan 2005 (doi 10.1097/01.mlr.0000182534.19832.83), as prefixes; the
-- weights after Charlson 1987, with the age score.
with
    comorbidities(comorbidity, icd9, icd10) as (
        values
            ('myocardial_infarct', '410|412', 'I21|I22|I252'),
            (
                'congestive_heart_failure',
                '428|39891|402[019]1|404[019][13]|425[4-9]',
                'I43|I50|I099|I110|I130|I132|I255|I420|I42[5-9]|P290'
            ),
            (
                'peripheral_vascular_disease',
                '440|441|0930|4373|4471|5571|5579|V434|443[1-9]',
                'I70|I71|I73[189]|I771|I790|I792|K551|K558|K559|Z958|Z959'
            ),
            ('cerebrovascular_disease', '43[0-8]|36234', 'G45|G46|I6|H340'),
            ('dementia', '290|2941|3312', 'F0[0-3]|G30|F051|G311'),
            (
                'chronic_pulmonary_disease',
                '49|50[0-5]|4168|4169|5064|5081|5088',
                'J4[0-7]|J6[0-7]|I278|I279|J684|J701|J703'
            ),
            ('rheumatic_disease', '725|4465|710[0-4]|714[0128]', 'M05|M06|M3[2-4]|M315|M351|M353|M360'),
            ('peptic_ulcer_disease', '53[1-4]', 'K2[5-8]'),
            (
                'mild_liver_disease',
                '570|571|0706|0709|573[3489]|V427|070[23][23]|07044|07054',
                'B18|K73|K74|K70[01239]|K71[3457]|K76[023489]|Z944'
            ),
            ('diabetes_without_cc', '250[012389]', 'E1[0-4][01689]'),
            ('diabetes_with_cc', '250[4-7]', 'E1[0-4][23457]'),
            ('paraplegia', '342|343|3341|344[0-69]', 'G81|G82|G041|G114|G801|G802|G83[0-49]'),
            (
                'renal_disease',
                '582|585|586|V56|5880|V420|V451|583[0-7]|403[019]1|404[019][23]',
                'N18|N19|I120|I131|N03[2-7]|N05[2-7]|N250|Z49[0-2]|Z940|Z992'
            ),
            (
                'malignant_cancer',
                '1[4-6]|17[0-24-9]|18|19[0-4]|195([0-8]|$)|20[0-8]|2386',
                'C[01]|C2[0-6]|C3[0-47-9]|C4[0135-9]|C5[0-8]|C6|C7[0-6]|C8[1-58]|C9[0-7]'
            ),
            (
                'severe_liver_disease',
                '456[0-2]|572[2-8]',
                'I850|I859|I864|I982|K704|K711|K721|K729|K76[567]'
            ),
            ('metastatic_solid_tumor', '19[6-9]', 'C7[7-9]|C80'),
            ('aids', '04[2-4]', 'B20|B21|B22|B24')
    ),

    found as (
        select distinct cast(fact.encounter_key as bigint) as hadm_id, comorbidities.comorbidity
        from fact
        inner join comorbidities
            on regexp_matches(
                fact.code, '^(' || case fact.code_system when 'icd9cm' then icd9 else icd10 end || ')'
            )
        where fact.domain = 'condition' and fact.code_system in ('icd9cm', 'icd10cm')
    ),

    noted as (
        select
            age.subject_id,
            age.hadm_id,
            least(greatest((age.age - 40) // 10, 0), 4) as age_score,
            cast(count(*) filter (comorbidity = 'myocardial_infarct') as integer) as myocardial_infarct,
            cast(count(*) filter (comorbidity = 'congestive_heart_failure') as integer) as congestive_heart_failure,
            cast(count(*) filter (comorbidity = 'peripheral_vascular_disease') as integer)
            as peripheral_vascular_disease,
            cast(count(*) filter (comorbidity = 'cerebrovascular_disease') as integer) as cerebrovascular_disease,
            cast(count(*) filter (comorbidity = 'dementia') as integer) as dementia,
            cast(count(*) filter (comorbidity = 'chronic_pulmonary_disease') as integer) as chronic_pulmonary_disease,
            cast(count(*) filter (comorbidity = 'rheumatic_disease') as integer) as rheumatic_disease,
            cast(count(*) filter (comorbidity = 'peptic_ulcer_disease') as integer) as peptic_ulcer_disease,
            cast(count(*) filter (comorbidity = 'mild_liver_disease') as integer) as mild_liver_disease,
            cast(count(*) filter (comorbidity = 'diabetes_without_cc') as integer) as diabetes_without_cc,
            cast(count(*) filter (comorbidity = 'diabetes_with_cc') as integer) as diabetes_with_cc,
            cast(count(*) filter (comorbidity = 'paraplegia') as integer) as paraplegia,
            cast(count(*) filter (comorbidity = 'renal_disease') as integer) as renal_disease,
            cast(count(*) filter (comorbidity = 'malignant_cancer') as integer) as malignant_cancer,
            cast(count(*) filter (comorbidity = 'severe_liver_disease') as integer) as severe_liver_disease,
            cast(count(*) filter (comorbidity = 'metastatic_solid_tumor') as integer) as metastatic_solid_tumor,
            cast(count(*) filter (comorbidity = 'aids') as integer) as aids
        from age
        left join found on found.hadm_id = age.hadm_id
        group by age.subject_id, age.hadm_id, age.age
    )

select
    *,
    age_score
    + myocardial_infarct
    + congestive_heart_failure
    + peripheral_vascular_disease
    + cerebrovascular_disease
    + dementia
    + chronic_pulmonary_disease
    + rheumatic_disease
    + peptic_ulcer_disease
    + greatest(mild_liver_disease, 3 * severe_liver_disease)
    + greatest(diabetes_without_cc, 2 * diabetes_with_cc)
    + 2 * paraplegia
    + 2 * renal_disease
    + greatest(2 * malignant_cancer, 6 * metastatic_solid_tumor)
    + 6 * aids as charlson_comorbidity_index
from noted
