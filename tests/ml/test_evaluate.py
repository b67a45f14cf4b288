"""Metrics against riskRegression, survival and dcurves (shared oracles, made with the R packages)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml import evaluate, resamples
from ml.evaluate import Outcome


def test_framingham_scores_equal_risk_regression(shared_data: Path) -> None:
    # riskRegression Score() and survival concordance: AUC .78476, Brier .072793, Harrell .74216 (reference H16)
    rows = pd.read_csv(shared_data / "ml/oracles/framingham_cox_pred10.csv")
    outcome = Outcome(rows["t"].to_numpy(), rows["event"].to_numpy(int))
    risk = rows["pred10"].to_numpy()
    assert evaluate.auc(outcome, risk, 10) == pytest.approx(0.78476, abs=1e-4)
    assert evaluate.brier(outcome, risk, 10) == pytest.approx(0.072793, abs=1e-5)
    assert evaluate.harrell_c(outcome, risk) == pytest.approx(0.74216, abs=1e-4)
    assert evaluate.uno_c(outcome, risk) == pytest.approx(0.73873, abs=1e-4)
    overall = evaluate.observed(outcome, 10)
    assert evaluate.brier(outcome, np.full_like(risk, overall), 10) == pytest.approx(0.081439, abs=1e-5)


def test_mgus2_cumulative_incidence_equals_survival(shared_data: Path) -> None:
    # survival::survfit with competing death (reference H18)
    rows = pd.read_parquet(shared_data / "ml/cohorts/survival/mgus2.parquet")
    oracle = json.loads((shared_data / "ml/oracles/r_oracle.json").read_text())["mgus2"]
    time = np.where(rows["pstat"] == 1, rows["ptime"], rows["futime"]).astype(float)
    event = np.where(rows["pstat"] == 1, 1, np.where(rows["death"] == 1, 2, 0))
    incidence = [evaluate.observed(Outcome(time, event), month) for month in oracle["months"]]
    np.testing.assert_allclose(incidence, oracle["cif_pcm"], atol=1e-5)
    alone = Outcome(time, np.where(event == 1, 1, 0))  # Kaplan-Meier: death as if it were censoring
    one_minus = [evaluate.observed(alone, month) for month in oracle["months"]]
    np.testing.assert_allclose(one_minus, oracle["one_minus_km_pcm"], atol=1e-5)


def test_net_benefit_equals_dcurves(shared_data: Path) -> None:
    # dcurves::dca on its binary example
    data = pd.read_csv(shared_data / "ml/oracles/dcurves_df_binary.csv")
    oracle = pd.read_csv(shared_data / "ml/oracles/dcurves_binary_net_benefit.csv")
    oracle = oracle[(oracle["model"] == "cancerpredmarker") & (oracle["threshold"] > 0)].dropna(subset="net_benefit")
    case = data["cancer"].astype(str).str.lower().isin(["true", "1"]).to_numpy()
    outcome = Outcome(np.where(case, 0.5, 2.0), case.astype(int))
    ours = evaluate.net_benefit(outcome, data["cancerpredmarker"].to_numpy(), 1.0, oracle["threshold"])
    np.testing.assert_allclose([value for _, value in ours], oracle["net_benefit"], atol=1e-9)


def test_harrell_c_counts_ties_a_half_and_dead_as_never() -> None:
    # by hand: case at 1 against 3 others; risks .5 vs .5 (half), .2 (one), .9 (none)
    outcome = Outcome(np.array([1.0, 2.0, 3.0, 0.5]), np.array([1, 0, 0, 2]))
    assert evaluate.harrell_c(outcome, np.array([0.5, 0.5, 0.2, 0.9])) == pytest.approx(0.5)


def test_perfectly_calibrated_risks_have_slope_one_and_no_gap() -> None:
    random = np.random.default_rng(0)
    risk = random.beta(2, 8, 40_000)
    case = random.random(len(risk)) < risk
    outcome = Outcome(np.where(case, 0.5, 2.0), case.astype(int))
    found = evaluate.calibration(outcome, risk, 1.0)
    assert found["slope"] == pytest.approx(1, abs=0.04)
    assert found["ici"] < 0.006
    assert evaluate.observed(outcome, 1.0) / risk.mean() == pytest.approx(1, abs=0.03)


def test_no_events_and_bad_risks_are_refused_or_nan_never_a_number() -> None:
    outcome = Outcome(np.array([1.0, 2.0]), np.array([0, 0]))
    assert np.isnan(evaluate.harrell_c(outcome, np.array([0.1, 0.2])))
    with pytest.raises(ValueError, match="probabilities"):
        evaluate.metrics(outcome, np.array([0.1, 1.2]), 1.0)
    with pytest.raises(ValueError, match="empty"):
        evaluate.metrics(Outcome(np.array([]), np.array([], int)), np.array([]), 1.0)


def test_counting_people_equals_drawing_them() -> None:
    # a bootstrap sample by counts must give what the same people written out give, ties and extremes included
    random = np.random.default_rng(3)
    n = 90
    risk = np.round(random.beta(2, 8, n), 2)
    outcome = Outcome(np.ceil(random.exponential(6, n) * 4) / 4, random.choice([0, 1, 2], n, p=[0.4, 0.4, 0.2]))
    counts = resamples.drawn(n, 25, seed=1)
    draws = np.random.default_rng(1)
    pairs = evaluate._pairs(outcome, risk)
    found = evaluate._all(outcome, risk, 5.0, (0.1, 0.9), pairs, counts)
    for number in range(len(counts)):
        rows = draws.integers(0, n, n)
        alone = {one.name: one.value for one in evaluate.metrics(outcome.take(rows), risk[rows], 5.0, (0.1, 0.9))}
        assert set(alone) == set(found)
        for name, value in alone.items():
            assert found[name][number] == pytest.approx(value, abs=1e-6, nan_ok=True), name


def test_a_common_outcome_is_judged_while_people_are_still_followed() -> None:
    # a third has the event, everybody else is censored a little before the horizon of ten years
    random = np.random.default_rng(5)
    time, event = random.uniform(9.0, 9.99, 9000), np.zeros(9000, int)
    time[:3000], event[:3000] = random.uniform(0.0, 9.0, 3000), 1
    outcome = Outcome(time, event)
    at = evaluate.assessable_days(outcome, 10.0)
    assert at in np.sort(time[3000:])[2999:3002]  # half of those without the event are censored then or later
    risk = np.clip(event * 0.2 + random.uniform(0.1, 0.5, 9000), 0, 1)
    found = {one.name: one.value for one in evaluate.metrics(outcome, risk, at)}
    assert found["auc"] == pytest.approx(1 - 0.5**3, abs=0.02)  # of risks in [0.3, 0.7] against [0.1, 0.5]
    assert evaluate.assessable_days(outcome, 8.5) == 8.5
    everybody = Outcome(time[:3000], event[:3000])
    assert evaluate.assessable_days(everybody, 10.0) == 10.0


def test_logistic_lines_and_curves_reach_the_maximum_where_whole_steps_do_not() -> None:
    from scipy.optimize import minimize

    random = np.random.default_rng(6)
    logit = random.normal(-2, 1.3, 400)
    case = (random.random(400) < 0.6).astype(float)  # far more than was predicted, whoever it was
    weight = np.where(case == 1, 1.2, 2.0)
    design = resamples.spline(logit, np.quantile(logit, [[0.1, 0.5, 0.9]]))[0]
    start, ridge = np.array([0.0, 1.0, 0.0]), np.array(resamples._RIDGE)

    def lost(beta: np.ndarray) -> float:
        linear = design @ beta
        likelihood = (weight * (case * linear - np.logaddexp(0, linear))).sum()
        return float(0.5 * (ridge * (beta - start) ** 2).sum() - likelihood)

    expected = minimize(lost, start, method="BFGS", options={"gtol": 1e-9}).x
    [found] = resamples.logistic(design, case, weight[None, :])
    assert found == pytest.approx(expected, abs=1e-3)
    assert not np.allclose(found, start)
    time = np.where(case == 1, 1.0, 3.0)
    calibration = evaluate.calibration(Outcome(time, case.astype(int)), 1 / (1 + np.exp(-logit)), 2.0)
    assert calibration["ici"] > 0.3
    assert calibration["slope"] == pytest.approx(0, abs=0.2)
