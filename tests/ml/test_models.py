"""Models: discrete time by hand, and on real cohorts against published or independently computed figures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ml.features.spec import Column
from ml.models import bundle, discrete
from ml.models.bundle import Bundle, ModelUnusable
from ml.models.fitted import Fitted, Sample, fit, margins
from ml.task import EquationUse, ModelSpec

EQUATION = EquationUse(
    name="prevent_ascvd_10y", inputs={"age": "age_years", "sex_male": "sex_male"}, mismatch="none: a test"
)


def _sample(values: np.ndarray, names: list[str], time: np.ndarray, event: np.ndarray, monotone: int = 0) -> Sample:
    columns = tuple(
        Column(name=name, label=name, unit="1", family="ehr", group=name, monotone=monotone) for name in names
    )
    return Sample(columns, values.astype(float), time.astype(float), event.astype(np.int64), np.arange(len(time)))


def test_person_periods_by_hand() -> None:
    # edges 0, 10, 20: event at 10 is in the first; censored at 14 saw less than half of the second, at 16 more
    cuts = np.array([0.0, 10.0, 20.0])
    row, interval, label = discrete.expand(np.array([10.0, 14, 16, 20, 12]), np.array([1, 0, 0, 0, 2]), cuts)
    assert list(zip(row.tolist(), interval.tolist(), label.tolist(), strict=True)) == [
        (0, 0, 1),
        (1, 0, 0),
        (2, 0, 0),
        (2, 1, 0),
        (3, 0, 0),
        (3, 1, 0),
        (4, 0, 0),
        (4, 1, 2),
    ]


def test_cumulative_incidence_by_hand() -> None:
    # hazards .1 and .2, then .3 and .1: F1 = .1 + .7 * .3, F2 = .2 + .7 * .1
    probability = np.array([[[0.1, 0.2], [0.3, 0.1]]])
    odds = probability / (1 - probability.sum(axis=2, keepdims=True))
    event, competing = discrete.cumulative_incidence(np.log(odds), np.array([0.0, 1.0, 2.0]), 2.0)
    assert event[0] == pytest.approx(0.31)
    assert competing[0] == pytest.approx(0.27)
    assert discrete.cumulative_incidence(np.log(odds), np.array([0.0, 1.0, 2.0]), 1.0)[0][0] == pytest.approx(0.1)


def test_calibration_undoes_a_planted_distortion() -> None:
    random = np.random.default_rng(0)
    true = random.normal(-2, 1, 20_000)
    happened = random.random(len(true)) < 1 / (1 + np.exp(-true))
    time = np.where(happened, 0.5, 1.0)
    distorted = np.stack([0.5 * true - 1, np.full_like(true, discrete.NEVER)], axis=1)[:, None, :]
    (a, b), other = discrete.calibrate(distorted, time, happened.astype(np.int64), np.array([0.0, 1.0]))
    assert (a, b) == (pytest.approx(2, abs=0.12), pytest.approx(2, abs=0.08))
    assert other == [0.0, 1.0]


def _toy(events: bool = True) -> tuple[Sample, np.ndarray]:
    random = np.random.default_rng(3)
    people = 600
    values = np.column_stack(
        [random.uniform(45, 75, people), random.integers(0, 2, people), random.normal(size=people)]
    )
    rate = 0.03 * np.exp(0.06 * (values[:, 0] - 60) + 0.8 * values[:, 2]) * events
    time = random.exponential(1 / np.maximum(rate, 1e-9))
    censored = random.uniform(2, 14, people)
    sample = _sample(
        values, ["age_years", "sex_male", "marker"], np.minimum(time, censored) * 365, (time < censored).astype(int), 1
    )
    return sample, discrete.edges(3652, 365)


def test_event_odds_are_monotone_where_the_clinic_says_so() -> None:
    sample, cuts = _toy()
    fitted = fit(ModelSpec(name="l", kind="lightgbm"), EQUATION, sample, cuts, threads=1, seed=1)
    grid = np.column_stack([np.full(50, 60.0), np.ones(50), np.linspace(-3, 3, 50)])
    assert (np.diff(margins(fitted, grid)[:, :, 0], axis=0) >= -1e-12).all()


def test_mixed_up_samples_do_not_flatten_cox() -> None:
    random = np.random.default_rng(4)
    marker, flag = random.normal(size=6000), (random.random(6000) < 0.003).astype(float)
    time = random.exponential(3000 / np.exp(marker + flag)) + 1
    event = (time < 2000).astype(np.int64)
    cuts = discrete.edges(2000, 400)

    def slopes(values: np.ndarray, **params: float) -> np.ndarray:
        sample = _sample(np.column_stack([values, flag]), ["marker", "flag"], np.minimum(time, 2000), event)
        made = fit(ModelSpec(name="c", kind="cox", params={"penalizer": 0, **params}), None, sample, cuts)
        return np.array(made.params["beta"]) / made.params["scale"]

    mixed_up = marker.copy()
    mixed_up[random.choice(6000, 20, replace=False)] += 12
    true, kept, flattened = slopes(marker, winsorize=0), slopes(mixed_up), slopes(mixed_up, winsorize=0)
    assert true == pytest.approx([1, 1], abs=0.35)  # 20 people have the flag
    assert kept == pytest.approx(true, rel=0.15)  # as do the flags, which have no outermost values
    assert flattened[0] < 0.75 * true[0]


@pytest.mark.parametrize("leaves", [4, 10])
def test_trees_looked_up_by_column_say_what_lightgbm_says(leaves: int) -> None:
    import lightgbm

    from ml.models import trees

    random = np.random.default_rng(8)
    values = np.column_stack([random.normal(size=(9000, 3)), random.integers(0, 5, 9000)])
    values[random.random(9000) < 0.3, 1] = np.nan  # column 0 is always known in training, not here
    score = values[:, 0] + np.nan_to_num(values[:, 1], nan=1.0) * (values[:, 3] > 2)
    label = (random.random(9000) < 1 / (1 + np.exp(-score))).astype(float)
    options = {"objective": "binary", "num_leaves": leaves, "verbosity": -1, "num_threads": 1}
    booster = lightgbm.train(options, lightgbm.Dataset(values, label), 30)
    values[::7, 0] = np.nan
    small = trees.forest(booster, interval=3, intervals=5)
    assert small is not None
    for order in ("C", "F"):
        found = small.margins(np.asarray(values[:, :3], order=order))  # type: ignore[call-overload]
        for interval in range(5):
            asked = np.column_stack([values[:, :3], np.full(9000, interval)])
            np.testing.assert_allclose(found[:, interval], booster.predict(asked, raw_score=True), atol=1e-12)
    options["num_leaves"] = 80
    assert trees.forest(lightgbm.train(options, lightgbm.Dataset(values, label), 60), 3, 5) is None


@pytest.mark.parametrize("kind", ["recalibrated", "cox", "lightgbm", "offset"])
def test_every_kind_survives_saving_bit_by_bit(tmp_path: Path, kind: str) -> None:
    sample, cuts = _toy()
    spec = ModelSpec(name=kind, kind="lightgbm" if kind == "offset" else kind, offset=kind == "offset")  # type: ignore[arg-type]
    made = Bundle("t", "h", 3652, fit(spec, EQUATION, sample, cuts, threads=1, seed=1), [[0.1, 0.9], [0.0, 1.0]])
    made = bundle.fit_subsamples(made, sample, 3, threads=1, seed=2)
    bundle.save(made, tmp_path)
    loaded = bundle.load(tmp_path)
    values = sample.values[:50].copy()
    values[:5, 2] = np.nan
    before, after = bundle.predict(made, values), bundle.predict(loaded, values)
    np.testing.assert_array_equal(before.risk, after.risk)
    np.testing.assert_array_equal(before.risk_hi, after.risk_hi)
    assert ((before.risk_lo <= before.risk) & (before.risk <= before.risk_hi)).all()
    assert bundle.explain(loaded, values).shape == values.shape


def test_a_damaged_model_is_refused(tmp_path: Path) -> None:
    sample, cuts = _toy()
    made = Bundle(
        "t", "h", 3652, fit(ModelSpec(name="l", kind="lightgbm"), EQUATION, sample, cuts, threads=1), [[0, 1], [0, 1]]
    )
    for damage in ("flip", "truncate", "remove", "json"):
        folder = tmp_path / damage
        bundle.save(made, folder)
        booster = folder / "full_event.txt"
        match damage:
            case "flip":
                booster.write_text(booster.read_text().replace("leaf_value=", "leaf_value=9", 1))
            case "truncate":
                booster.write_bytes(booster.read_bytes()[:100])
            case "remove":
                booster.unlink()
            case "json":
                (folder / "model.json").write_text("{")
        with pytest.raises(ModelUnusable, match="train again"):
            bundle.load(folder)


def test_without_a_competing_event_nothing_breaks() -> None:
    sample, cuts = _toy()
    for spec in (ModelSpec(name="r", kind="recalibrated"), ModelSpec(name="l", kind="lightgbm", offset=True)):
        fitted: Fitted = fit(spec, EQUATION, sample, cuts, threads=1)
        risk, dying = discrete.cumulative_incidence(margins(fitted, sample.values), cuts, 3652)
        assert np.isfinite(risk).all()
        assert dying.max() < 0.2


def test_the_logistic_fit_climbs_from_far_away() -> None:
    """Against scikit-learn: rare events and a prior far from them, where a full Newton step overshoots."""
    from sklearn.linear_model import LogisticRegression

    from ml.models.discrete import logistic_fit

    random = np.random.default_rng(3)
    x = random.normal(-6, 1, 5_000)
    hit = (random.random(5_000) < 1 / (1 + np.exp(-(2 + 1.1 * x)))).astype(float)
    design = np.column_stack([np.ones_like(x), x])
    found = logistic_fit(design, hit, np.full(2, 1e-9), np.array([0.0, 1.0]))
    peer = LogisticRegression(C=1e9, tol=1e-12, max_iter=10_000).fit(x[:, None], hit)
    np.testing.assert_allclose(found, [peer.intercept_[0], peer.coef_[0, 0]], rtol=1e-4)
