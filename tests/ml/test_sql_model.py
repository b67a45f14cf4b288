"""The SQL of a model gives what the model gives, to the last digits, unknown values included."""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from ml import sql_model
from ml.models import bundle as bundles
from ml.models.bundle import Bundle, ModelUnusable
from ml.models.fitted import fit
from ml.task import ModelSpec
from tests.ml.test_models import EQUATION, _sample

ROWS = 3000


@pytest.fixture(scope="module")
def sample() -> object:
    random = np.random.default_rng(9)
    values = np.column_stack(
        [random.uniform(45, 80, ROWS), random.integers(0, 2, ROWS), random.normal(size=ROWS), random.normal(size=ROWS)]
    )
    rate = 0.03 * np.exp(0.05 * (values[:, 0] - 60) + 0.8 * values[:, 2])
    death = 0.01 * np.exp(0.09 * (values[:, 0] - 60))
    first, dying = random.exponential(1 / rate), random.exponential(1 / death)
    censored = random.uniform(2, 12, ROWS)
    time = np.minimum(np.minimum(first, dying), censored)
    event = np.where(time == first, 1, np.where(time == dying, 2, 0))
    values[random.random(ROWS) < 0.2, 2] = np.nan
    return _sample(values, ["age_years", "sex_male", "marker", "never unknown"], time * 365, event)


@pytest.mark.parametrize("kind", ["lightgbm", "cox"])
def test_sql_equals_the_model(sample: object, kind: str) -> None:
    spec = ModelSpec(name=kind, kind=kind, params={"rounds": 40} if kind == "lightgbm" else {})  # type: ignore[arg-type]
    cuts = np.linspace(0, 3652, 6)
    made = Bundle("t", "h", 3652, fit(spec, None, sample, cuts, threads=1, seed=1), [[0.1, 0.9], [-0.2, 1.1]])  # type: ignore[arg-type]
    random = np.random.default_rng(10)
    rows = sample.values.copy()  # type: ignore[attr-defined]
    rows[random.random(ROWS) < 0.1, 3] = np.nan  # unknown where training never saw it
    rows[:5, 2] = [0.0, -0.0, 1e-300, 50, -50]
    names = [one.name for one in made.fitted.columns]
    table = pa.table(
        {"person_id": np.arange(ROWS), **{name: pa.array(rows[:, i], from_pandas=True) for i, name in enumerate(names)}}
    )
    with duckdb.connect(":memory:") as connection:
        connection.register("features", table)
        found = connection.sql(sql_model.query(made, "features") + " order by person_id").fetchnumpy()
    expected = bundles.predict(made, rows)
    assert np.abs(found["risk"] - expected.risk).max() <= 1e-12
    assert np.abs(found["risk_competing"] - expected.risk_competing).max() <= 1e-12
    assert expected.risk.std() > 0.01


def test_a_model_with_an_equation_inside_is_refused(sample: object) -> None:
    spec = ModelSpec(name="r", kind="recalibrated")
    made = Bundle("t", "h", 3652, fit(spec, EQUATION, sample, np.linspace(0, 3652, 6)), [[0, 1], [0, 1]])  # type: ignore[arg-type]
    with pytest.raises(ModelUnusable, match="clinical equation"):
        sql_model.query(made, "features")
