"""Every shared vector of the clinical equations (shared vectors, see their MANIFEST), and published worked examples."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from ml.equations import evaluate, get
from ml.equations.breast import relative_risks
from ml.equations.qrisk3 import NOTICE

Rows = list[dict[str, str]]


def _rows(path: Path) -> Rows:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def _numbers(rows: Rows, name: str) -> np.ndarray:
    return np.array([float(row[name]) if row[name] not in ("", "NA") else np.nan for row in rows])


def _columns(rows: Rows, **names: str) -> dict[str, np.ndarray]:
    return {ours: _numbers(rows, theirs) for ours, theirs in names.items()}


def _is(rows: Rows, name: str, value: str) -> np.ndarray:
    return np.array([float(row[name].lower() == value) for row in rows])


def _one(name: str, **inputs: float) -> float:
    return float(evaluate(get(name), {key: [value] for key, value in inputs.items()}).risk[0])


@pytest.fixture(scope="module")
def vectors(shared_data: Path) -> Path:
    return shared_data / "ml/vectors"


@pytest.fixture(scope="module")
def grid(vectors: Path) -> tuple[Rows, dict[str, np.ndarray]]:
    rows = _rows(vectors / "pce_frs_grid.csv")
    columns = _columns(
        rows,
        age="age",
        systolic_bp="sbp",
        bp_medication="bp_tx",
        total_cholesterol="total_c",
        hdl_cholesterol="hdl_c",
        diabetes="dm",
        smoking="smoking",
    )
    return rows, columns | {"sex_male": _is(rows, "sex", "male")}


def test_pooled_cohort_equations_equal_cvrisk_and_preventr(grid: tuple[Rows, dict[str, np.ndarray]]) -> None:
    rows, columns = grid
    columns = columns | {"black": _is(rows, "race", "black")}
    ours = evaluate(get("pce_2013_10y"), columns).risk
    cvrisk = _numbers(rows, "pce_cvrisk")  # percent, two decimals, never below 1
    assert np.abs(np.maximum(100 * ours, 1) - cvrisk).max() <= 0.0051
    # three decimals; of 2013 preventr carries more digits than the paper's table, which moves it by up to 0.08 points
    for name, theirs, more in (("pce_2013_10y", "pce_preventr", 0.0009), ("pce_2018_10y", "pce_rev_preventr", 1e-9)):
        expected = _numbers(rows, theirs)
        assert np.nanmax(np.abs(evaluate(get(name), columns).risk - expected)) <= 0.0005 + more
        assert np.isfinite(expected).sum() >= 25


def test_framingham_2008_equals_cvrisk(grid: tuple[Rows, dict[str, np.ndarray]]) -> None:
    rows, columns = grid
    for name, theirs, cap in (
        ("framingham_2008_10y", "frs2008_cvrisk", 100),
        ("framingham_2008_bmi_10y", "frs2008_bmi_cvrisk", 30),
    ):
        if "bmi" in name:
            lipids = ("total_cholesterol", "hdl_cholesterol")
            columns = {k: v for k, v in columns.items() if k not in lipids} | {"bmi": _numbers(rows, "bmi")}
        expected = _numbers(rows, theirs)
        ours = evaluate(get(name), columns).risk
        np.testing.assert_array_equal(np.isnan(ours), np.isnan(expected))
        assert np.nanmax(np.abs(np.clip(100 * ours, 1, cap) - expected)) <= 0.0051


def test_published_examples_of_framingham_and_the_pooled_cohorts() -> None:
    # D'Agostino 2008: 10.48 % and 15.6 %; Goff 2013, 55 years, 213/50, 120 mmHg, no risk factor
    woman = {
        "age": 61,
        "sex_male": 0,
        "total_cholesterol": 180,
        "hdl_cholesterol": 47,
        "systolic_bp": 124,
        "smoking": 1,
    }
    assert 100 * _one("framingham_2008_10y", **woman) == pytest.approx(10.48, abs=0.01)
    man = {"age": 53, "sex_male": 1, "total_cholesterol": 161, "hdl_cholesterol": 55, "systolic_bp": 125}
    assert 100 * _one("framingham_2008_10y", **man, bp_medication=1, diabetes=1) == pytest.approx(15.6, abs=0.1)
    for black, male, percent in ((0, 0, 2.05), (1, 0, 3.03), (0, 1, 5.38), (1, 1, 6.07)):
        person = {"age": 55, "total_cholesterol": 213, "hdl_cholesterol": 50, "systolic_bp": 120}
        assert 100 * _one("pce_2013_10y", **person, black=black, sex_male=male) == pytest.approx(percent, abs=0.1)


def test_prevent_deprivation_models_have_one_decile_that_gives_every_published_figure(vectors: Path) -> None:
    # the published example names a postal code; one group of deciles must explain all outcomes, horizons and sexes
    rows = [row for row in _rows(vectors / "prevent_published.csv") if row["model"] in ("sdi", "full")]
    assert rows
    outcomes = ("total_cvd", "ascvd", "heart_failure", "chd", "stroke")
    explained = []
    for decile in (1, 5, 9):
        misses = []
        for row in rows:
            person = _columns(
                [row],
                age="age",
                systolic_bp="sbp",
                bp_medication="bp_tx",
                total_cholesterol="total_c",
                hdl_cholesterol="hdl_c",
                statin="statin",
                diabetes="dm",
                smoking="smoking",
                egfr="egfr",
                bmi="bmi",
            ) | {"sex_male": _is([row], "sex", "male"), "sdi_decile": np.array([float(decile)])}
            if row["model"] == "full":
                person |= _columns([row], hba1c="hba1c", uacr="uacr")
            for outcome in outcomes:
                found = evaluate(get(f"prevent_{outcome}_{row['over_years']}y_{row['model']}"), person).risk[0]
                misses.append(abs(found - float(row[outcome])))
        explained.append(max(misses) <= 0.0005 + 1e-9)
    assert explained.count(True) == 1


def _score2(rows: Rows, smoking: str) -> dict[str, np.ndarray]:
    region = {"low": 1.0, "moderate": 2.0, "high": 3.0, "very high": 4.0}
    return _columns(
        rows,
        age="age",
        smoking=smoking,
        systolic_bp="systolic_bp",
        diabetes="have_diabetes",
        total_cholesterol="total_chol_mmol_L",
        hdl_cholesterol="total_hdl_mmol_L",
    ) | {
        "sex_male": _is(rows, "gender", "male"),
        "region": np.array([region[row["risk_region"].lower()] for row in rows]),
    }


def test_score2_and_score2_op_equal_the_papers_examples(vectors: Path) -> None:
    rows = _rows(vectors / "score2_score2op.csv")
    ours = evaluate(get("score2_10y"), _score2(rows, "is_cuurent_smoker")).risk
    np.testing.assert_allclose(np.round(100 * ours, 1), _numbers(rows, "expected_pct"), atol=1e-9)
    old = [row for row in rows if float(row["age"]) >= 70]
    ours = evaluate(get("score2_op_10y"), _score2(old, "is_cuurent_smoker")).risk
    np.testing.assert_allclose(np.round(100 * ours, 1), _numbers(old, "expected_pct"), atol=1e-9)


def test_score2_diabetes_equals_the_papers_examples(vectors: Path) -> None:
    rows = _rows(vectors / "score2_diabetes.csv")
    columns = _score2(rows, "is_current_smoker") | _columns(
        rows, age_at_diagnosis="diabetes_age", hba1c="hba1c_mmol_mol", egfr="eGFR_mL_min_1_73_m2"
    )
    ours = evaluate(get("score2_diabetes_10y"), columns).risk
    np.testing.assert_allclose(np.round(100 * ours, 1), _numbers(rows, "expected_pct"), atol=1e-9)


def test_qrisk3_equals_clinrisk_and_carries_its_notice(vectors: Path) -> None:
    rows = _rows(vectors / "qrisk3_2017.csv")
    columns = _columns(
        rows,
        age="age",
        ethnicity="ethrisk",
        cholesterol_ratio="rati",
        systolic_bp="sbp",
        systolic_bp_sd="sbps5",
        townsend="town",
        atrial_fibrillation="b_AF",
        atypical_antipsychotic="b_atypicalantipsy",
        corticosteroids="b_corticosteroids",
        erectile_dysfunction="b_impotence2",
        migraine="b_migraine",
        rheumatoid_arthritis="b_ra",
        kidney_disease="b_renal",
        severe_mental_illness="b_semi",
        lupus="b_sle",
        bp_medication="b_treatedhyp",
        diabetes_type_1="b_type1",
        diabetes_type_2="b_type2",
        family_cardiovascular="fh_cvd",
    )
    columns["sex_male"] = 1 - _numbers(rows, "gender")
    columns["smoking_category"] = _numbers(rows, "smoke_cat") - 1  # the R package counts from 1
    columns["bmi"] = _numbers(rows, "weight") / (_numbers(rows, "height") / 100) ** 2
    ours = 100 * evaluate(get("qrisk3_10y"), columns).risk
    np.testing.assert_allclose(ours, _numbers(rows, "qrisk3_full_precision"), atol=1e-9)
    np.testing.assert_allclose(np.round(ours, 1), _numbers(rows, "QRISK_C_algorithm_score"), atol=1e-9)
    assert get("qrisk3_10y").notice == NOTICE


def test_kidney_failure_risk_equals_kfre(vectors: Path) -> None:
    rows = _rows(vectors / "kfre.csv")
    base = _columns(rows, age="age", sex_male="male", egfr="egfr", uacr="uacr_mg_g")
    extra = {
        4: {},
        6: _columns(rows, diabetes="dm", hypertension="htn"),
        8: _columns(
            rows,
            albumin="albumin_g_dl",
            phosphate="phosphorus_mg_dl",
            bicarbonate="bicarbonate_meq_l",
            calcium="calcium_mg_dl",
        ),
    }
    for variables, more in extra.items():
        for years in (2, 5):
            for suffix, theirs in (("", "na"), ("_outside_north_america", "nonna")):
                ours = evaluate(get(f"kfre{variables}_{years}y{suffix}"), base | more).risk
                expected = _numbers(rows, f"kfre{variables}_{years}y_{theirs}")
                assert np.abs(ours - expected).max() <= 1e-6, (variables, years, theirs)


def test_filtration_equations_stand_among_the_others(vectors: Path) -> None:
    rows = _rows(vectors / "ckd_epi_2021.csv")
    person = {
        "age": _numbers(rows, "age"),
        "sex_male": _is(rows, "sex", "male"),
        "creatinine": _numbers(rows, "cr") / 88.4,
    }
    assert np.abs(evaluate(get("ckd_epi_2021"), person).risk - _numbers(rows, "ckdepi2021")).max() <= 0.03
    both = evaluate(get("ckd_epi_2021_cystatin"), person | {"cystatin_c": _numbers(rows, "cys")})
    assert np.abs(both.risk - _numbers(rows, "ckdepi2021_cys")).max() <= 0.03


def test_breast_cancer_risk_equals_the_national_cancer_institutes_example(vectors: Path) -> None:
    rows = _rows(vectors / "gail_bcrat_example.csv")
    columns = _columns(
        rows,
        age="T1",
        projection_age="T2",
        race="Race",
        biopsies="N_Biop",
        atypical_hyperplasia="HypPlas",
        age_menarche="AgeMen",
        age_first_birth="Age1st",
        relatives="N_Rels",
    )
    for name in ("biopsies", "atypical_hyperplasia", "age_menarche", "age_first_birth", "relatives"):
        columns[name] = np.where(columns[name] == 99, np.nan, columns[name])
    ours = evaluate(get("bcrat"), columns).risk
    expected = _numbers(rows, "absolute_risk_pct")
    np.testing.assert_array_equal(np.isnan(ours), np.isnan(expected))  # their refusals are ours
    np.testing.assert_allclose(100 * ours, expected, atol=1e-9)
    young, old = relative_risks(**{name: values for name, values in columns.items() if name != "projection_age"})
    usable = np.isfinite(_numbers(rows, "rr1"))
    np.testing.assert_allclose(young[usable], _numbers(rows, "rr1")[usable], rtol=1e-12)
    np.testing.assert_allclose(old[usable], _numbers(rows, "rr2")[usable], rtol=1e-12)


def test_five_years_of_breast_cancer_risk_are_the_risk_until_five_years_older() -> None:
    woman = {"age": 47.3, "race": 1, "biopsies": 1, "age_menarche": 12, "age_first_birth": 98, "relatives": 1}
    assert _one("bcrat_5y", **woman) == pytest.approx(_one("bcrat", **woman, projection_age=52.3), rel=1e-12)


def test_lung_cancer_risk_at_the_values_the_model_is_centred_at() -> None:
    # Tammemägi 2013: the intercept -4.532506, and +.3944778 for Black people
    person = {
        "age": 62,
        "education": 4,
        "bmi": 27,
        "current_smoker": 0,
        "cigarettes_per_day": 10 / 0.4021541613,
        "smoking_years": 27,
        "quit_years": 10,
    }
    assert _one("plcom2012_6y", **person, race=0) == pytest.approx(0.010639, abs=5e-7)
    odds = [risk / (1 - risk) for risk in (_one("plcom2012_6y", **person, race=race) for race in (0, 1))]
    assert np.log(odds[1] / odds[0]) == pytest.approx(0.3944778)


def test_dementia_risk_follows_the_paper() -> None:
    # Kivipelto 2006: points per table; observed risks by band 1.0, 1.9, 4.2, 7.4 and 16.4 %
    young = {"age": 45, "sex_male": 0, "education_years": 12, "systolic_bp": 120, "bmi": 24, "total_cholesterol": 5}
    assert _one("caide_points", **young) == 0
    changes = (
        ("age", 47, 3),
        ("age", 54, 4),
        ("education_years", 9, 2),
        ("education_years", 6, 3),
        ("sex_male", 1, 1),
        ("systolic_bp", 141, 2),
        ("bmi", 30.1, 2),
        ("total_cholesterol", 6.6, 2),
        ("inactive", 1, 1),
    )
    for name, value, points in changes:
        assert _one("caide_points", **(young | {name: value})) == points, name
    assert _one("caide_apoe_points", **young, apoe_e4=1) == 2
    worst = {
        "age": 60,
        "sex_male": 1,
        "education_years": 5,
        "systolic_bp": 160,
        "bmi": 33,
        "total_cholesterol": 7,
        "inactive": 1,
    }
    assert _one("caide_points", **worst) == 15
    assert _one("caide_apoe_points", **worst, apoe_e4=1) == 18
    middle = {
        "age": 50,
        "sex_male": 0,
        "education_years": 8,
        "systolic_bp": 150,
        "bmi": 27,
        "total_cholesterol": 7,
        "inactive": 1,
    }
    assert 100 * _one("caide_20y", **middle) == pytest.approx(6.91, abs=0.005)
    assert 100 * _one("caide_apoe_20y", **middle, apoe_e4=0) == pytest.approx(4.06, abs=0.005)


def test_bedside_scores_follow_their_tables() -> None:
    assert _one("cha2ds2_vasc", age=64, sex_male=1) == 0
    assert _one("cha2ds2_vasc", age=65, sex_male=0) == 2
    everything = {"heart_failure": 1, "hypertension": 1, "diabetes": 1, "stroke": 1, "vascular_disease": 1}
    assert _one("cha2ds2_vasc", age=75, sex_male=0, **everything) == 9
    assert _one("has_bled", age=65) == 0
    assert (
        _one(
            "has_bled",
            age=66,
            abnormal_kidney=1,
            abnormal_liver=1,
            bleeding_drugs=1,
            alcohol=1,
            labile_inr=1,
            stroke=1,
            bleeding=1,
            uncontrolled_hypertension=1,
        )
        == 9
    )
    assert _one("fib4", age=60, ast=80, alt=64, platelets=150) == pytest.approx(4.0)
    assert _one("homa_ir", fasting_glucose=90, insulin=9) == pytest.approx(2.0)
    assert _one("ldl_friedewald", total_cholesterol=200, hdl_cholesterol=50, triglycerides=150) == 120


def test_early_warning_points_follow_chart_1() -> None:
    # Royal College of Physicians 2017, chart 1: each value beside each boundary, one at a time
    well = {
        "respiratory_rate": 16,
        "oxygen_saturation": 98,
        "systolic_bp": 120,
        "heart_rate": 70,
        "body_temperature": 37,
    }
    assert _one("news2", **well) == 0
    chart = {
        "respiratory_rate": ((8, 3), (9, 1), (11, 1), (12, 0), (20, 0), (21, 2), (24, 2), (25, 3)),
        "oxygen_saturation": ((91, 3), (92, 2), (93, 2), (94, 1), (95, 1), (96, 0)),
        "systolic_bp": ((90, 3), (91, 2), (100, 2), (101, 1), (110, 1), (111, 0), (219, 0), (220, 3)),
        "heart_rate": ((40, 3), (41, 1), (50, 1), (51, 0), (90, 0), (91, 1), (110, 1), (111, 2), (130, 2), (131, 3)),
        "body_temperature": ((35.0, 3), (35.1, 1), (36.0, 1), (36.1, 0), (38.0, 0), (38.1, 1), (39.0, 1), (39.1, 2)),
        "supplemental_oxygen": ((1, 2),),
        "not_alert": ((1, 3),),
    }
    for name, points in chart.items():
        for value, expected in points:
            assert _one("news2", **(well | {name: value})) == expected, (name, value)
    scale_2 = (
        (83, 0, 3),
        (84, 0, 2),
        (86, 0, 1),
        (88, 0, 0),
        (92, 0, 0),
        (97, 0, 0),
        (93, 1, 1),
        (95, 1, 2),
        (97, 1, 3),
    )
    for saturation, oxygen, expected in scale_2:
        person = well | {"oxygen_saturation": saturation, "supplemental_oxygen": oxygen, "oxygen_scale_2": 1}
        assert _one("news2", **person) == expected + 2 * oxygen, (saturation, oxygen)


def test_charlson_counts_the_worse_grade_once_and_gives_the_published_mortality() -> None:
    # Charlson 1994: ten-year survival 0.983 ^ exp(0.9 x index); index 6 leaves about 2 %
    assert _one("charlson_points", age=49) == 0
    assert [_one("charlson_points", age=age) for age in (50, 60, 70, 80, 95)] == [1, 2, 3, 4, 4]
    assert _one("charlson_points", age=40, diabetes=1, diabetes_with_complications=1) == 2
    assert _one("charlson_points", age=40, solid_tumour=1, metastatic_tumour=1) == 6
    six = _one(
        "charlson_mortality_10y", age=65, heart_failure=1, chronic_pulmonary_disease=1, diabetes_with_complications=1
    )
    assert 1 - six == pytest.approx(0.0225, abs=5e-5)
