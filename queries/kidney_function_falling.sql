-- Whose kidney function falls by more than 5 mL/min/1.73 m2 a year (KDIGO 2024: rapid progression)?
select person_id, value_num as egfr_slope_per_year, valid_from, known_from
from core.twin_state
where variable = 'egfr_slope' and known_to is null and value_num < -5
qualify row_number() over (partition by person_id order by valid_from desc) = 1
order by value_num
