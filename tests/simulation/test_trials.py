"""Simulated trials against theory, published trials against their intervals."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from orchestration.cli.program import app
from simulation.trials.analyse import persons_needed
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
