-- Antibiotics by name (generic and brand), but not those for eyes, ears and skin.
with
    names(pattern) as (
        values
            ('amikacin|gentamicin|kanamycin|neomycin|streptomycin|tobramycin'),
            ('amoxicill|ampicillin|augmentin|unasyn|clavulanate|penicillin|piperacillin|tazobactam|zosyn|timentin'),
            ('oxacillin|nafcillin|dicloxacillin|methicillin|aztreonam|meropenem'),
            ('^cef|cefazolin|cefoxitin|ceftazidime|cefepime|ceftriaxone|cefuroxime|cefpodoxime|cefotetan|ceftaroline'),
            ('cephal|axetil|keflex|ancef'),
            ('azithromycin|clarithromycin|erythromycin|clindamycin|linezolid|vancomycin|cubicin'),
            ('cipro|floxacin|levaquin|metronidazole|flagyl|nitrofurantoin|macrobid'),
            ('sulfamethoxazole|trimethoprim|bactrim|smz-tmp|sulfadiazine|septra'),
            ('doxycy|minocycline|tetracycline|rifampin|mupirocin|amphotericin|anidulafungin|chloramphenicol')
    ),

    -- a name counts with a route if any prescription of that name and route does
    counted as (
        select distinct prescription.drug, prescription.route
        from prescription
        inner join names on regexp_matches(lower(prescription.drug), names.pattern)
        where
            prescription.drug_type <> 'BASE'
            and prescription.route not in ('OU', 'OS', 'OD', 'AU', 'AS', 'AD', 'TP')
            and not regexp_matches(lower(prescription.route), 'ear|eye')
            and not regexp_matches(lower(prescription.drug), 'cream|desensitization|ophth oint|gel')
    )

select
    prescription.subject_id,
    prescription.hadm_id,
    stay.stay_id,
    prescription.drug as antibiotic,
    prescription.route,
    prescription.starttime,
    prescription.stoptime
from prescription
inner join counted using (drug, route)
left join stay
    on stay.hadm_id = prescription.hadm_id
    and prescription.starttime >= stay.intime
    and prescription.starttime < stay.outtime
