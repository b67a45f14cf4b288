"""The state of a person: formulas against published values, and what was known when."""

from __future__ import annotations

from pathlib import Path

import duckdb
import jinja2
import pytest

from lake.publish import publish
from lake.settings import Settings
from tests.transform.rows import condition, medication, observation, patient

MACROS = Path(__file__).parents[2] / "transform" / "macros" / "clinical.sql"


def formula(name: str, *arguments: str) -> str:
    """A clinical formula of the dbt project as SQL."""
    return str(getattr(jinja2.Environment().from_string(MACROS.read_text()).module, name)(*arguments))


def test_egfr_is_as_published(shared_data):
    """150 people of the vectors of the CKD-EPI equation of 2021; creatinine there is in umol/L (88.4 per mg/dL)."""
    path = shared_data / "ml" / "vectors" / "ckd_epi_2021.csv"
    expression = formula("egfr_ckd_epi_2021", "(cr / 88.4)", "age", "lower(sex)")
    worst, n = duckdb.execute(
        f"select max(abs({expression} - ckdepi2021)), count(*) from read_csv($path)", {"path": str(path)}
    ).fetchall()[0]
    assert n == 150
    assert worst < 0.01


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        # worked by hand from the equations as printed
        ("ldl_friedewald", ("200", "50", "150.0"), 120.0),
        ("ldl_sampson", ("200", "50", "150.0"), 210.9705 - 51.4933 - (17.5234 + 10.5140 - 1.3975) - 9.44),
        ("fib4", ("55", "50.0", "40", "200"), 2750 / (200 * 6.324555)),
        # glucose of 5 mmol/L and insulin of 4.5 mU/L give 1: Matthews 1985 took that as normal; 90 mg/dL is 5 mmol/L
        ("homa_ir", ("90", "4.5"), 1.0),
    ],
)
def test_formulas(name, arguments, expected):
    value = duckdb.execute(f"select {formula(name, *arguments)}").fetchall()[0][0]
    assert value == pytest.approx(expected, abs=0.001)


@pytest.fixture(scope="module")
def person(new_home):
    home = new_home()
    home.put("fhir_patient", [patient("a", birth_date="1960-07-01", gender="male")])
    home.put(
        "fhir_observation",
        [
            observation("h1", "8302-2", 200, "cm", "2020-01-01", patient_id="a"),
            observation("w1", "29463-7", 80, "kg", "2020-02-01", patient_id="a"),
            observation("c1", "2160-0", 1.0, "mg/dL", "2020-01-01", patient_id="a"),
            observation("c2", "2160-0", 2.0, "mg/dL", "2020-06-01", patient_id="a"),
            observation("c3", "2160-0", 4.0, "mg/dL", "2021-01-01", patient_id="a"),
            observation("g1", "4548-4", 9.4, "%", "2020-03-01", patient_id="a"),
            observation("g2", "4548-4", 6.4, "%", "2020-09-01", patient_id="a"),
        ],
    )
    home.put(
        "fhir_condition",
        [
            condition("d1", "E11.9", "2020-05-01", "2020-05-01", patient_id="a"),
            # kidney failure of May, told in August; the metastasis of June was a mistake, taken back in July
            condition("d2", "N18.6", "2020-05-20", "2020-08-01", patient_id="a"),
            condition("d3", "C78.0", "2020-06-01", "2020-06-01", patient_id="a"),
            condition(
                "d3",
                "C78.0",
                "2020-06-01",
                "2020-06-01",
                patient_id="a",
                verification_status="entered-in-error",
                last_updated="2020-07-01",
                file_id="file-2",
            ),
        ],
    )
    home.put(
        "fhir_medication_request",
        [
            medication("m1", "6809", "2020-01-01", "2020-06-30", patient_id="a"),
            medication("m2", "6809", "2020-06-01", "2020-08-01", patient_id="a"),
            # makes the year 2020 over
            medication("m3", "6809", "2021-03-01", "2021-04-01", patient_id="a"),
        ],
    )
    home.dbt("seed")
    home.dbt("run", "--select", "+twin_state")
    target = publish(Settings(home=home.path), schemas=("core",)).path
    with duckdb.connect(str(target), read_only=True) as connection:
        yield connection


def state(connection, valid_at: str, known_at: str) -> dict[str, object]:
    (who,) = connection.execute("select person_id from core.twin_person").fetchone()
    rows = connection.execute(
        "select variable, coalesce(value_text, round(value_num, 1)::varchar) from core.twin_state_at($1, $2, $3)",
        [who, valid_at, known_at],
    ).fetchall()
    return dict(rows)


def test_state_of_a_moment(person):
    found = state(person, "2020-07-01", "2030-01-01")
    assert found["creatinine"] == "2.0"
    assert found["kdigo_gfr_category"] == "G3b"
    assert found["bmi_derived"] == "20.0"
    assert found["type_2_diabetes"] == "present"
    assert "glycaemic_control" not in found  # the diagnosis is younger than that HbA1c
    assert state(person, "2020-10-01", "2030-01-01")["glycaemic_control"] == "at_goal"


def test_nothing_is_known_before_it_is(person):
    assert state(person, "2021-06-01", "2019-01-01") == {}
    assert "type_2_diabetes" not in state(person, "2020-04-01", "2030-01-01")


def test_a_trend_needs_three_values(person):
    assert "egfr_slope" not in state(person, "2020-07-01", "2030-01-01")
    assert float(state(person, "2021-06-01", "2030-01-01")["egfr_slope"]) < -30


def test_the_ledger_and_the_timeline(person):
    (who,) = person.execute("select person_id from core.twin_person").fetchone()
    assert person.execute("select count(*) from core.twin_timeline($1)", [who]).fetchall() == [(12,)]
    assert person.execute("select count(*) from core.twin_as_of('2019-01-01'::timestamp)").fetchall() == [(0,)]
    assert person.execute("select count(*) from core.twin_as_of('2030-01-01'::timestamp)").fetchall() == [(12,)]


def test_comorbidity_of_any_moment_as_known_at_any_other(person):
    """Diabetes 1; end-stage kidney disease 2, known late; metastasis 6, taken back (Charlson 1987)."""

    def charlson(valid_at, known_at):
        return state(person, valid_at, known_at).get("charlson_index")

    assert charlson("2020-05-10", "2020-06-15") == "1.0"
    assert charlson("2020-06-15", "2020-06-15") == "7.0"
    assert charlson("2020-06-15", "2020-07-15") == "1.0"
    # what became known in August was true of May: later moments count it, too
    assert charlson("2020-06-15", "2020-08-15") == "3.0"
    assert charlson("2020-05-10", "2020-08-15") == "1.0"
    assert charlson("2020-04-01", "2020-08-15") is None
    assert state(person, "2020-06-15", "2020-06-15")["phenotype_cancer"] == "present"
    assert "phenotype_cancer" not in state(person, "2020-06-15", "2020-07-15")


def test_phenotypes_by_rules_over_values(person):
    """Creatinine 2.0 in June 2020 and 4.0 in January 2021 are below 60 for more than 90 days; one is not enough."""
    assert "phenotype_chronic_kidney_disease" not in state(person, "2020-07-01", "2020-07-01")
    assert state(person, "2021-02-01", "2021-02-01")["phenotype_chronic_kidney_disease"] == "present"
    ((onset,),) = person.execute(
        "select min(valid_from)::date::varchar from core.twin_state where variable = 'phenotype_diabetes'"
    ).fetchall()
    assert onset == "2020-05-01"


def test_days_covered_count_once(person):
    """1 January to 30 June, then on to 1 August, are 214 of the 366 days of 2020, both ends included."""
    assert "pdc_glucose_lowering" not in state(person, "2020-12-31", "2030-01-01")
    ((share,),) = person.execute(
        "select value_num from core.twin_state where variable = 'pdc_glucose_lowering' and year(valid_from) = 2021"
    ).fetchall()
    assert share == pytest.approx(214 / 366, abs=1e-9)


def test_stage_of_the_ckm_syndrome(person):
    """Weight, kidney and HbA1c: creatinine 2.0 is stage 2 (G3b), 4.0 stage 3 (G4)."""
    assert "ckm_stage" not in state(person, "2020-01-15", "2020-01-15")
    assert state(person, "2020-07-01", "2020-07-01")["ckm_stage"] == "stage_2"
    assert state(person, "2021-02-01", "2021-02-01")["ckm_stage"] == "stage_3"
