"""Dated scenarios: what is started, changed and stopped reaches the model; what cannot be is refused or flagged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from orchestration.cli.program import app
from simulation import outlook
from simulation.models import catalogue
from simulation.people import Twin
from simulation.scenario import BadScenario, Scenario, of_twins, read_scenario
from simulation.treatment.compare import Person

runner = CliRunner()
ANN = {"ann": {"SBP_0": 154.0, "LDL_0": 4.0, "risk_10y": 0.2}}


def course(model: str, cohort: outlook.Cohort, symbol: str, interventions: list[dict[str, Any]], **more: Any) -> Any:
    """Reported times and the course of one symbol of the only person."""
    scenario = Scenario(**{"name": "x", "duration": 400, "interventions": interventions, **more})
    found = outlook.run(model, cohort, scenario, members=1, outcomes=[outlook.Outcome("o", symbol, "last")])
    assert {one["status"] for one in found.rows} == {"ok"}
    return found.times, found.courses[symbol][:, 0, 0]


def test_a_drug_is_started_changed_and_stopped() -> None:
    """Law 2003: an ARB takes 10.3 mmHg at standard, 12.3 at twice standard dose from 154 mmHg; stopped, nothing."""
    dated = [
        {"at": "2026-01-31", "start": "losartan", "mg": 50},
        {"at": "2026-05-11", "change": "losartan", "mg": 100},
        {"at": "2026-08-19", "stop": "losartan"},
    ]
    times, sbp = course("risk_factors", ANN, "SBP", dated, **{"from": "2026-01-01"}, steps=400)
    assert np.ptp(sbp[times <= 30]) < 1e-9
    assert sbp[times == 130][0] == pytest.approx(154 - 10.3, abs=0.05)
    assert sbp[times == 230][0] == pytest.approx(154 - 12.3, abs=0.05)
    assert sbp[-1] == pytest.approx(154, abs=0.05)
    numbered = [{**one, "at": at} for one, at in zip(dated, (30, 130, 230), strict=True)]
    np.testing.assert_array_equal(course("risk_factors", ANN, "SBP", numbered, steps=400)[1], sbp)


def test_drugs_and_weight_act_together_and_zero_dose_not_at_all() -> None:
    """Atorvastatin 20 mg leaves 57 % of LDL (STELLAR); CTT and Ettehad give the events, here over ten years."""
    both = [{"at": 0, "start": "atorvastatin", "mg": 20}, {"at": 0, "lifestyle": "weight_loss_kg", "value": 5}]
    ten = {"duration": 3652.5, "step": 5}
    ldl = course("risk_factors", ANN, "LDL", both, **ten)[1][-1]
    assert ldl == pytest.approx(4.0 * 0.57 - 0.1, abs=1e-3)
    ratio = 0.78 ** (4.0 - ldl) * 0.80 ** (5 * 1.05 / 10)
    avoided = course("risk_factors", ANN, "avoided", both, **ten)[1][-1]
    assert avoided == pytest.approx(1000 * (0.8**ratio - 0.8), rel=0.02)
    nought = [{"at": 10, "start": "losartan", "mg": 0}, {"at": 10, "start": "atorvastatin", "mg": 0}]
    assert np.abs(course("risk_factors", ANN, "avoided", nought)[1]).max() < 1e-9


def test_every_kind_of_intervention_reaches_its_model() -> None:
    diabetic = {"x": {"HbA1c_0": 8.0, "glucose": 28.7 * 8 - 46.7}}
    taken = [{"at": 30, "start": "metformin", "mg": 2000}]
    times, hba1c = course("glycation", diabetic, "HbA1c", taken, duration=500)
    assert hba1c[times <= 30] == pytest.approx(8.0)
    assert hba1c[-1] == pytest.approx(8.0 - 1.12, abs=0.01), "Hirst 2012"
    start, stop = {"at": 96, "start": "warfarin", "mg": 5}, {"at": 800, "stop": "warfarin"}
    times, inr = course("anticoagulation", {"x": {}}, "INR", [start, stop], duration=1200)
    assert inr[times <= 96] == pytest.approx(1.0)
    assert inr[np.searchsorted(times, 800)] > 2
    assert inr[-1] == pytest.approx(1.0, abs=0.02)
    less = [{"at": 0, "lifestyle": "energy_kcal_per_day", "value": -500},
            {"at": 200, "lifestyle": "energy_kcal_per_day", "value": 0}]  # fmt: skip
    weight = course("body_weight", {"x": {"BW_0": 90.0}}, "BW", less)[1]
    assert weight[50] < 84 < weight[-1] < 90
    # AUC is dose over clearance: two doses once, then twice a day for two days
    given = [{"at": 0, "dose": "codeine", "amount": 30}, {"at": 24, "start": "codeine", "mg": 30, "every": 12},
             {"at": 72, "stop": "codeine"}]  # fmt: skip
    assert course("oral_dose", {"x": {}}, "AUC", given)[1][-1] == pytest.approx(5 * 30 / 10, rel=1e-3)
    own = {"x": {"BW": 70.0}}
    fed = [{"at": 10, "meal": 60}]
    glucose = course("type_1_glucose", own, "G", fed)[1]
    treated = course("type_1_glucose", own, "G", [*fed, {"at": 0, "dose": "insulin", "amount": 6}])[1]
    assert treated[-1] < glucose[-1] - 20
    shed = [course("influenza", {"x": {}}, "shed", one, duration=8)[1][-1]
            for one in ([], [{"at": 1, "start": "oseltamivir", "mg": 150}])]  # fmt: skip
    assert shed[1] < 0.5 * shed[0]
    set_to = course("windkessel", {"x": {}}, "p_in", [{"at": 5, "set": {"Q": 10}}], duration=10)[1]
    assert set_to[-1] == pytest.approx(21_000, rel=1e-5)


@pytest.mark.parametrize(
    ("model", "one", "words"),
    [
        ("risk_factors", {"at": 0, "start": "losartan", "mg": 5000}, "losartan 5000 mg a day is impossible; 0 to 100"),
        ("risk_factors", {"at": 0, "start": "aspirine", "mg": 100}, "no drug 'aspirine'"),
        ("risk_factors", {"at": 0, "stop": "losartan"}, "losartan is not taken"),
        ("risk_factors", {"at": 500, "stop": "losartan"}, "outside the scenario"),
        ("risk_factors", {"at": "2026-01-01", "stop": "losartan"}, "no 'from: DATE'"),
        ("risk_factors", {"at": 0, "meal": 50}, "takes no meals; it takes the drugs"),
        ("risk_factors", {"at": 0, "lifestyle": "yoga", "value": 1}, "takes no lifestyle yoga"),
        ("risk_factors", {"at": 0, "lifestyle": "weight_loss_kg", "value": 300}, "impossible; 0 to 80"),
        ("meal_glucose", {"at": 0, "start": "losartan", "mg": 50}, "takes no drug losartan; it takes meals"),
        ("meal_glucose", {"at": 0, "meal": 6000}, "0 to 500 g"),
        ("type_1_glucose", {"at": 0, "dose": "insulin", "amount": 900}, "insulin 900 U at once is impossible"),
        ("type_1_glucose", {"at": 0, "meal": -5}, "0 to 500 g"),
        ("anticoagulation", {"at": 0, "start": "warfarin", "mg": 200}, "warfarin 200 mg a day is impossible"),
        ("oral_dose", {"at": 0, "start": "codeine", "mg": 30}, "say every: HOURS"),
        ("body_weight", {"at": 0, "lifestyle": "energy_kcal_per_day", "value": -9000}, "impossible; -1500 to 1500"),
    ],
)
def test_what_cannot_be_is_refused(model: str, one: dict[str, Any], words: str) -> None:
    with pytest.raises(BadScenario) as refused:
        outlook.run(model, {"x": {}}, Scenario(name="x", duration=100, interventions=[one]), members=1)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- 1", "no mapping"),
        ("{name: x, duration: -1}", "s.yaml, duration: Input should be greater than 0"),
        (
            "{name: x, duration: 9, interventions: [{at: 0, meal: 5}, {at: 1}]}",
            "interventions.1: an intervention is one",
        ),
        ("{name: x, duration: 9, interventions: [{at: 0, start: losartan}]}", "start losartan needs mg"),
        ("{name: x, duration: 9, interventions: [{at: soon, stop: losartan}]}", "s.yaml, interventions.0.at"),
    ],
)
def test_a_bad_file_is_refused_with_its_place(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(text)
    with pytest.raises(BadScenario) as refused:
        read_scenario(path)
    assert words in str(refused.value)


def test_who_must_not_take_a_drug_is_excluded_and_exposure_is_their_own() -> None:
    known = {"systolic_bp_mmhg": 150.0, "ldl_mmol_l": 4.0, "ascvd_risk_10y": 0.1, "body_weight_kg": 70.0}
    twins = [
        Twin(Person(person_id=name, phenotypes=genes, medications=drugs), known)
        for name, genes, drugs in (
            ("slow", {"SLCO1B1": "Poor Function", "CYP2D6": "Poor Metabolizer"}, ()),
            ("usual", {}, ()),
            ("mixed", {}, ("ketoconazole", "losartan")),
        )
    ]

    def last(model: str, drug: dict[str, Any], symbol: str) -> dict[str, Any]:
        scenario = Scenario(name="x", duration=300, interventions=[{"at": 0, **drug}])
        told = [outlook.Outcome("o", symbol, "last")]
        rows = outlook.run(model, of_twins(model, twins), scenario, twins=twins, outcomes=told).rows
        return {one["person_id"]: (one["status"], one["p50"], one["reason"]) for one in rows}

    statin = last("risk_factors", {"start": "simvastatin", "mg": 20}, "LDL")
    assert statin["slow"][:2] == statin["mixed"][:2] == ("excluded", None)
    assert "SLCO1B1 Poor Function" in statin["slow"][2]
    assert "ketoconazole" in statin["mixed"][2]
    losartan = last("risk_factors", {"start": "losartan", "mg": 50}, "SBP")
    assert losartan["mixed"] == ("excluded", None, "losartan: is taken already")
    assert losartan["slow"][0] == "ok"
    assert statin["usual"][1] == pytest.approx(4 * 0.65, abs=0.01)
    assert last("oral_dose", {"dose": "codeine", "amount": 30}, "AUC")["slow"][0] == "excluded"
    midazolam = last("oral_dose", {"dose": "midazolam", "amount": 5}, "AUC")
    assert midazolam["mixed"][1] / midazolam["usual"][1] == pytest.approx(1 / (1 - 0.92), rel=0.02)


def test_simulate_as_a_command(tmp_path: Path) -> None:
    cohort, scenario, trace = tmp_path / "cohort.csv", tmp_path / "scenario.yaml", tmp_path / "trace.parquet"
    cohort.write_text("person_id,BW,G_b\nslim,70,90\nheavy,300,95\nimpossible,-1,95\nunknown,,95\n")
    scenario.write_text("{name: lunch, duration: 300, steps: 60, interventions: [{at: 30, meal: 60}]}")
    arguments = ["simulate", "meal_glucose", "--cohort", str(cohort), "--scenario", str(scenario)]
    result = runner.invoke(app, [*arguments, "--trace", str(trace), "--json"])
    assert result.exit_code == 0, result.output
    rows = {(one["person_id"], one["outcome"]): one for one in json.loads(result.output)["rows"]}
    assert len(rows) == 4 * 4 * len(catalogue.card("meal_glucose").outputs)
    slim = rows["slim", "largest G"]
    assert slim["status"] == "ok"
    assert 110 < slim["p05"] < slim["p50"] < slim["p95"] < 250
    assert rows["heavy", "largest G"]["is_extrapolated"]
    assert rows["impossible", "largest G"]["reason"] == "impossible: BW -1"
    assert rows["unknown", "largest G"]["reason"] == "not known: BW"
    assert {rows[who, "mean G"]["status"] for who in ("impossible", "unknown")} == {"failed"}
    traced = [one for one in pq.read_table(trace).to_pylist() if (one["person_id"], one["outcome"]) == ("slim", "G")]
    assert len(traced) == 61
    assert max(one["p50"] for one in traced) == pytest.approx(slim["p50"], rel=0.1)
    assert "research use, not for care" in runner.invoke(app, arguments).output
    scenario.write_text("{name: feast, duration: 300, interventions: [{at: 30, meal: 6000}]}")
    result = runner.invoke(app, arguments)
    assert (result.exit_code, "500 g" in result.output) == (2, True)
    result = runner.invoke(app, ["simulate", "meal_glucos", *arguments[2:]])
    assert (result.exit_code, "no model 'meal_glucos'" in result.output) == (2, True)
