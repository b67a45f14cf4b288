"""Do the models find the risks that were planted? Held-out people's C against that of the oracle who knows the hazards.

The oracle's score comes from the generator's truth; the models' from a platform built on files alone. On 5,000 people
(``--people 5000``) each champion must reach 90 % of the oracle's C above 0.5, and taking away the genome or the
wearables must lower it; on the demo's 400 the same figures are shown, but a handful of events proves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np

from lake.settings import Settings
from tests.benchmarks import demo
from tests.benchmarks.cost import apart

if TYPE_CHECKING:
    from ml.dataset import Dataset

SHARE = 0.90
ENOUGH_PEOPLE = 5000
"""Below this the held-out events are too few to judge."""
WITHOUT = ("genome", "wearables")


@dataclass(frozen=True)
class Against:
    """Held-out C of a model and of the oracle on the same people and outcomes."""

    c: float
    oracle_c: float
    n: int
    n_events: int

    @property
    def share(self) -> float:
        """How much of what can be known the model knows."""
        return (self.c - 0.5) / (self.oracle_c - 0.5)


def measure() -> list[dict[str, Any]]:
    """Build the population's platform, as far as it is stale, and compare."""
    apart("tests.benchmarks.truth:built", demo.home(), demo.people())
    return apart("tests.benchmarks.truth:compared", demo.home(), demo.people())


def built(folder: str, people: int) -> bool:
    """Bring the platform up to date; a population that lies in landing already is left alone."""
    import os

    from orchestration.build import build
    from orchestration.environment import prepare
    from synthetic import generate

    settings = Settings(home=folder)
    os.environ["TWIN_HOME"] = folder
    prepare()
    if not settings.truth.is_dir():
        generate(settings, people, demo.SEED)
    report = build(settings)
    if not report.ok:
        raise RuntimeError(f"the build did not succeed: {report.failed}")
    return report.ok


def compared(folder: str, people: int) -> list[dict[str, Any]]:
    """One row per model against the oracle, and one per family of features that it is denied."""
    from ml import task as tasks
    from ml.dataset import prepare

    settings = Settings(home=folder)
    is_enough = people >= ENOUGH_PEOPLE
    rows = []
    for name in tasks.built():
        data = prepare(settings, tasks.load(name))
        rows.append(_champion(settings, name, data, is_enough))
        rows += _denied(settings, name, data, is_enough)
    return rows


def against_oracle(settings: Settings, name: str, person_id: Any, index_at: Any, outcome: Any, risk: Any) -> Against:
    """Compare a score with the oracle's on the people whose risk the truth holds for their index date."""
    from ml import evaluate

    oracle = _oracle(settings, name)
    days = np.asarray(index_at, "datetime64[D]").astype(str)
    score = np.array([oracle.get((str(who), day), np.nan) for who, day in zip(person_id, days, strict=True)])
    known = np.isfinite(score)
    part = outcome.take(known)
    return Against(
        evaluate.harrell_c(part, np.asarray(risk)[known]),
        evaluate.harrell_c(part, score[known]),
        int(known.sum()),
        int((part.event == 1).sum()),
    )


def _oracle(settings: Settings, name: str) -> dict[tuple[str, str], float]:
    """True log cumulative hazard by (person_id, index date); the link table leads from people to their truth."""
    with duckdb.connect() as connection:
        rows = connection.execute(
            """
            select l.person_id, r.index_date::varchar, avg(r.linear_predictor)
            from read_parquet($risk) as r
            join read_parquet($identity) as i using (true_person)
            join read_parquet($link) as l using (source_system, source_person_key)
            where r.task = $task
            group by all
            """,
            {
                "risk": str(settings.truth / "risk.parquet"),
                "identity": str(settings.truth / "identity.parquet"),
                "link": str(settings.core / "twin_person_link.parquet"),
                "task": name,
            },
        ).fetchall()
    return {(person, day): score for person, day, score in rows}


def _champion(settings: Settings, name: str, data: Dataset, is_enough: bool) -> dict[str, Any]:
    """The model that serves, on people it has never seen."""
    from ml import candidates, registry
    from ml import task as tasks

    task = tasks.load(name)
    _, made = registry.champion(settings, task)
    _, rows = candidates.test_outcome(data)
    risk = candidates.risk_at(made, data.sample.values[rows], task.horizon_days)
    return _row(settings, name, f"champion {made.fitted.spec.name}", data, rows, risk, is_enough)


def _denied(settings: Settings, name: str, data: Dataset, is_enough: bool) -> list[dict[str, Any]]:
    """One kind of model with everything, and denied one family of features."""
    from ml import task as tasks
    from ml.ablate import ablations

    task = tasks.load(name)
    spec = next(one for one in task.models if one.name == "cox")
    found = ablations(task, spec, data, [[family] for family in WITHOUT], settings.threads)
    rows = [_row(settings, name, f"{spec.name}, cross-fitted", data, data.first, np.array(found[0].risk), is_enough)]
    for one in found:
        rows.append(
            {
                "stage": f"{name}: {one.model} without {' and '.join(one.without)}",
                "people": one.n,
                "events": one.n_events,
                "C": round(one.c_without, 4),
                "peer": f"C with it {one.c_with:.4f}, difference",
                "ratio": round(one.c_difference, 4),
                "SE": round(one.c_difference_se, 4),
                "budget": "> 2 SE",
                "ok": one.c_difference > 2 * one.c_difference_se if is_enough else None,
            }
        )
    return rows


def _row(
    settings: Settings, name: str, model: str, data: Dataset, rows: Any, risk: Any, is_enough: bool
) -> dict[str, Any]:
    from ml.evaluate import Outcome

    outcome = Outcome(data.sample.time[rows], data.sample.event[rows])
    found = against_oracle(settings, name, data.design.person_id[rows], data.design.index_at[rows], outcome, risk)
    return {
        "stage": f"{name}: {model}",
        "people": found.n,
        "events": found.n_events,
        "C": round(found.c, 4),
        "peer": f"oracle's C {found.oracle_c:.4f}, above 0.5",
        "ratio": round(found.share, 3),
        "SE": None,
        "budget": f"≥ {SHARE}",
        "ok": found.share >= SHARE if is_enough else None,
    }
