select subject_id, hadm_id, drug as acei, starttime, stoptime
from prescription
where
    regexp_matches(
        lower(drug),
        '(benaze|capto|enala|fosino|lisino|moexi|perindo|quina|rami|trandola)pril'
    )
