"""Risk models at the size of a health system: a million people with 300 features, loaded and scored.

Data are made here (120 results with gaps, 100 counts, 80 flags). Loading is DuckDB's table to a LightGBM dataset with
the project's settings; its peer is the same with LightGBM's own. Scoring is the project's own discrete-time model (an
event and a competing one, five intervals) in batches, without reasons, which are for those who are asked about; its
peer is one plain booster of 100 trees on the same rows. The budgets of 15 and 12 CPU s are those of a machine on which
the peers cost 12.9 and 10.4 (reference/ml.md 3.1), and are held as ratios to them. ``TWIN_BENCH_ROWS`` people.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any, Literal

import numpy as np

from tests.benchmarks import cost

RESULTS, COUNTS, FLAGS = 120, 100, 80
WIDTH = RESULTS + COUNTS + FLAGS
LOAD_RATIO, SCORE_RATIO = 15.0 / 12.9, 12.0 / 10.4
_FULL = 1_000_000
_TRAINED_ON = 20_000


def measure() -> list[dict[str, Any]]:
    """Each in a process of its own."""
    rows = int(os.environ.get("TWIN_BENCH_ROWS", str(_FULL)))
    with tempfile.TemporaryDirectory(dir=os.environ.get("TWIN_BENCH")) as scratch:
        path = Path(scratch) / "features.duckdb"
        cost.apart("tests.benchmarks.models:make", path, rows)
        size = f"{rows:,} x {WIDTH}"
        peer = cost.apart("tests.benchmarks.models:load", path, False)
        ours = cost.apart("tests.benchmarks.models:load", path, True)
        scored = cost.apart("tests.benchmarks.models:score", path)
    named = {f"load {size}: LightGBM's settings": peer, f"load {size}: the project's settings": ours, **scored}
    found = [{"stage": stage, **row} for stage, row in named.items()]
    for row, against, what, most in (
        (found[1], found[0], "LightGBM's settings", LOAD_RATIO),
        (found[-1], found[-2], "one booster of 100 trees", SCORE_RATIO),
    ):
        ratio = row["cpu_s"] / against["cpu_s"]
        row |= {"peer": what, "ratio": round(ratio, 2), "budget": f"≤ {most:.2f}", "ok": ratio <= most}
    return found


def make(path: str, rows: int) -> int:
    """Write the table of features."""
    import duckdb

    hashed = "(hash(i * 1000 + {n}) % 1000000) / 1000000.0"
    columns = [
        f"case when {hashed.format(n=n + 500)} < 0.3 then null else {hashed.format(n=n)} * 100 end"
        for n in range(RESULTS)
    ]
    columns += [f"cast(floor({hashed.format(n=n)} * 8) as utinyint)" for n in range(RESULTS, RESULTS + COUNTS)]
    columns += [f"cast({hashed.format(n=n)} < 0.1 as utinyint)" for n in range(RESULTS + COUNTS, WIDTH)]
    columns[0] = f"30 + {hashed.format(n=0)} * 50"
    listed = ", ".join(f"{one} as {name}" for one, name in zip(columns, names(), strict=True))
    with duckdb.connect(path) as connection:
        connection.execute(f"create table feature as select {listed} from range({rows}) as r(i)")
    return rows


def names() -> list[str]:
    """The features; the first is age, which the competing event knows."""
    return ["age_years", *(f"f{n}" for n in range(1, WIDTH))]


def load(path: str, is_ours: bool) -> dict[str, Any]:
    """DuckDB's table to a LightGBM dataset through Arrow, with the project's settings or without any."""
    import duckdb
    import lightgbm

    from ml.models.boosted import DEFAULTS

    options = {name: DEFAULTS[name] for name in ("max_bin", "bin_construct_sample_cnt")} if is_ours else {}
    with duckdb.connect(path, read_only=True) as connection:

        def read() -> int:
            table = connection.sql("select * from feature").to_arrow_table()
            label = (np.random.default_rng(1).random(table.num_rows) < 0.03).astype(float)
            made = lightgbm.Dataset(table, label=label, params={"verbosity": -1, **options})
            return int(made.construct().num_data())

        found = cost.of(read)
    return {**found.row(), "rows": found.result}


def score(path: str) -> dict[str, Any]:
    """Everyone's risk by the project's model, in batches; and by one booster."""
    import duckdb
    import lightgbm

    made, plain = _trained(path)

    def batches(order: Literal["C", "F"], kind: type) -> Any:
        with duckdb.connect(path, read_only=True) as connection:
            for batch in connection.sql("select * from feature").to_arrow_reader(50_000):
                values = np.empty((batch.num_rows, WIDTH), kind, order)
                for number, column in enumerate(batch.columns):
                    values[:, number] = column.to_numpy(zero_copy_only=False)
                yield values

    from ml.models.bundle import predict

    assert isinstance(plain, lightgbm.Booster)
    read = cost.of(lambda: sum(len(values) for values in batches("F", float)))
    peer = cost.of(lambda: sum(len(plain.predict(values, num_threads=1)) for values in batches("C", np.float32)))
    ours = cost.of(lambda: sum(len(predict(made, values).risk) for values in batches("F", float)))
    return {
        "read in batches": {**read.row(), "rows": read.result},
        "score: one booster of 100 trees": {**peer.row(), "rows": peer.result},
        "score: risk in five intervals with a competing event": {**ours.row(), "rows": ours.result},
    }


def _trained(path: str) -> tuple[Any, Any]:
    import duckdb
    import lightgbm

    from ml.features.spec import Column
    from ml.models import discrete
    from ml.models.bundle import Bundle
    from ml.models.fitted import Sample, fit
    from ml.task import ModelSpec

    with duckdb.connect(path, read_only=True) as connection:
        table = connection.sql(f"select * from feature limit {_TRAINED_ON}").to_arrow_table()
    values = np.column_stack([np.asarray(one.to_numpy(), float) for one in table.columns])
    random = np.random.default_rng(2)
    hazard = 0.012 * np.exp(np.nan_to_num((values[:, 1] - 50) / 40) + 0.3 * values[:, 150] / 4)
    time = random.exponential(1 / hazard) * 365.0
    event = np.where(time < 1826, np.where(random.random(len(time)) < 0.8, 1, 2), 0)
    columns = tuple(Column(name=name, label=name, unit="1", family="ehr", group="made", monotone=0) for name in names())
    sample = Sample(columns, values, np.minimum(time, 1826.0), event.astype(np.int64), np.arange(len(time)))
    made = fit(ModelSpec(name="lightgbm", kind="lightgbm"), None, sample, discrete.edges(1826, 365), threads=2, seed=1)
    plain = lightgbm.train(
        {"objective": "binary", "num_leaves": 31, "verbosity": -1, "num_threads": 2},
        lightgbm.Dataset(values, label=(event == 1).astype(float)),
        100,
    )
    return Bundle("made", "made", 1826, made, [[0.0, 1.0], [0.0, 1.0]]), plain
