"""Simulated trials against theory, published trials against their intervals."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import duckdb
import numpy as np
import pytest
from scipy.stats import spearmanr
from typer.testing import CliRunner

from orchestration.cli.program import app
from simulation.treatment.compare import Dose
from simulation.trials import cohort_trial
from simulation.trials.analyse import persons_needed
from simulation.trials.population import BadPopulation, eligible, privacy, virtual
from simulation.trials.retrodict import retrodictions
from simulation.trials.simulate import Outcome, Spec, run

runner = CliRunner()


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    """r2 about .46: weights .6, .5, .4 with curvature .3 against noise 1."""
    return run(
        Spec(name="x", persons=200, effect=0.2, noise=1, weights=(0.6, 0.5, 0.4), curvature=0.2, trials=6_000, seed=4)
    )


def test_adjustment_multiplies_the_variance_by_what_the_score_leaves(outcome: Outcome) -> None:
    """Theory: Var(adjusted) / Var(unadjusted) = 1 - r2, within .03."""
    assert 0.35 < outcome.r2 < 0.55
    assert outcome.variance_ratio == pytest.approx(1 - outcome.r2, abs=0.03)
    assert outcome.power_adjusted > outcome.power_unadjusted
    assert outcome.persons_needed < 130


def test_intervals_hold_the_truth_as_often_as_they_say(outcome: Outcome) -> None:
    assert outcome.coverage_adjusted == pytest.approx(0.95, abs=0.01)
    assert outcome.coverage_unadjusted == pytest.approx(0.95, abs=0.01)
    assert abs(outcome.bias_adjusted) < 0.01


def test_a_score_that_knows_nothing_changes_nothing() -> None:
    found = run(Spec(name="x", persons=100, effect=0, noise=1, weights=(0.0,), trials=1_000, seed=2))
    assert found.variance_ratio == pytest.approx(1, abs=0.03)
    assert found.power_adjusted == pytest.approx(0.05, abs=0.025)


def test_a_published_trial_saved_as_many_persons() -> None:
    """Trials 2026;27:297: variance .407, r2 .133, adjusted variance .352."""
    assert pytest.approx(0.352, abs=0.002) == 0.407 * (1 - 0.133)
    assert persons_needed(1000, 0.133) == 867
    assert persons_needed(1000, 0.133, half_width=0.05) == 917


def test_published_trials_hits_and_misses(shared_data: Path) -> None:
    """The table of the reference: 14 of 18 inside, 4 of 6 external; JUPITER stays a miss."""
    expected = list(csv.DictReader((shared_data / "sim/trial_retrodiction.csv").open()))
    found = retrodictions()
    assert [one.inside for one in found] == [row["inside_CI"] == "True" for row in expected]
    for one, row in zip(found, expected, strict=True):
        assert one.predicted == pytest.approx(float(row["pred_RR"]), abs=0.001)
    assert {one.trial for one in found if not one.inside} == {"JUPITER", "FOURIER", "ODYSSEY", "ACCORD-BP"}
    assert sum(one.inside for one in found if one.role == "external") == 4


def test_trial_as_a_command(tmp_path: Path) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text("{name: demo, persons: 60, effect: 0.5, noise: 1, weights: [0.8], trials: 50, historical: 200}")
    result = runner.invoke(app, ["trial", "run", str(spec), "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.output)["note"] == "research use, not for care"
    assert "prognostic score" in runner.invoke(app, ["trial", "run", str(spec)]).output
    spec.write_text("{name: demo, persons: 60, effect: 0.5, noise: -1, weights: [0.8]}")
    result = runner.invoke(app, ["trial", "run", str(spec)])
    assert result.exit_code == 2
    assert "noise" in result.output
    assert "JUPITER" in runner.invoke(app, ["trial", "published"]).output


def snapshot() -> duckdb.DuckDBPyConnection:
    """Two hundred people of a snapshot with correlated age, pressure and LDL, and a risk that follows from them."""
    connection = duckdb.connect()
    connection.execute("""
        create schema marts_analyst; create schema marts_risk;
        select setseed(0.3);
        create table marts_analyst.patient_summary as
        select 'P' || n as person_id, 50 + 25 * random() as age_years, 110 + 60 * random() as systolic_bp_mmhg,
            80 + 120 * random() as ldl_cholesterol_mg_dl, n % 10 = 0 as has_stroke
        from range(200) as t(n);
        create table marts_risk.risk_current as
        select person_id, 'ascvd_10y' as task, least(0.9, 0.004 * (age_years - 40) + 0.001 * systolic_bp_mmhg) as risk
        from marts_analyst.patient_summary
    """)
    return connection


def test_eligibility_leaves_fewer_at_every_step() -> None:
    found = eligible(snapshot(), ["age_years >= 55", "not has_stroke"], ["age_years", "systolic_bp_mmhg"])
    left = [n for _, n in found.attrition]
    assert left[0] == 200
    assert left == sorted(left, reverse=True)
    assert len(found.covariates) == len(found.risk) == left[-1]
    assert (found.covariates[:, 0] >= 55).all()
    for steps, covariates, words in (
        (["nonsense > 1"], ["age_years"], "nonsense"),
        (["true; drop table x"], ["age_years"], "without a semicolon"),
        (["age_years > 74.9"], ["age_years"], "at least 30"),
        (["true"], ["age_years) --"], "is no column"),
    ):
        with pytest.raises(BadPopulation, match=words):
            eligible(snapshot(), steps, covariates)


def test_virtual_people_are_like_the_real_ones_but_none_of_them() -> None:
    generator = np.random.default_rng(1)
    a = generator.normal(size=400)
    real = np.column_stack([np.exp(a), a + generator.normal(size=400)])
    drawn = virtual(real, 20_000, generator)
    np.testing.assert_allclose(np.median(drawn, axis=0), np.median(real, axis=0), atol=0.1)
    assert spearmanr(drawn).statistic == pytest.approx(spearmanr(real).statistic, abs=0.04)
    assert privacy(real, drawn).passed
    copies = privacy(real, real[:50])
    assert copies.n_copies == 50
    assert not copies.passed


def test_a_trial_in_virtual_people_of_the_snapshot() -> None:
    """Randomised analyses are unbiased and cover; external controls are biased by what nobody sees."""
    spec = cohort_trial.CohortSpec(
        name="x", eligibility=("true",), drugs=({"drug": "atorvastatin", "mg": 20},), persons=400, trials=300, drift=1.5
    )
    found = cohort_trial.run(spec, eligible(snapshot(), spec.eligibility, spec.covariates))
    by_name = {one.name: one for one in found.analyses}
    for name in ("unadjusted", "covariates", "prognostic score"):
        assert abs(by_name[name].bias) < 0.01
        assert by_name[name].coverage == pytest.approx(0.95, abs=0.04)
    assert abs(by_name["matched external control"].bias) > 0.03
    assert -0.15 < found.risk_difference < -0.02
    assert found.privacy.passed
    nothing = spec.model_copy(update={"drugs": (Dose(drug="atorvastatin", mg=0),), "trials": 20})
    assert cohort_trial.run(nothing, eligible(snapshot(), ("true",), spec.covariates)).risk_difference == 0
    blind = spec.model_copy(update={"covariates": ("age_years",)})
    with pytest.raises(BadPopulation, match="name it among the covariates"):
        cohort_trial.run(blind, eligible(snapshot(), ("true",), ("age_years",)))


def test_e_value() -> None:
    """VanderWeele 2017: a relative risk of 3.9 has an E-value of 7.26."""
    assert cohort_trial.e_value(3.9) == pytest.approx(7.26, abs=0.01)
    assert cohort_trial.e_value(1 / 3.9) == pytest.approx(7.26, abs=0.01)
