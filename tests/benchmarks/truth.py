"""Do the models find the risks that were planted? Held-out people's C against that of the oracle who knows the hazards.

The oracle's score comes from the generator's truth; the models' from a platform built on files alone. On 5,000 people
(``--people 5000``) each champion must reach 85 % of the oracle's C above 0.5, and taking away the genome or the
wearables must lower it; on the demo's 400 the same figures are shown, but a handful of events proves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np

from lake.settings import Settings
from tests.benchmarks import demo
from tests.benchmarks.cost import apart

SHARE = 0.85
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

    settings = Settings(home=folder)
    is_enough = people >= ENOUGH_PEOPLE
    rows = []
    for name in tasks.names():
        rows += _champion(settings, name, is_enough)
        rows += [_without(settings, name, family, is_enough) for family in WITHOUT]
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


def _champion(settings: Settings, name: str, is_enough: bool) -> list[dict[str, Any]]:
    """The model that serves, on people it has never seen."""
    from ml import candidates, evaluate, score
    from ml import task as tasks
    from ml.dataset import prepare

    task = tasks.load(name)
    _, made = score.champion(settings, task)
    data = prepare(settings, task)
    outcome, rows = candidates.test_outcome(data)
    at_days = evaluate.assessable_days(outcome, task.horizon_days)
    risk = candidates.risk_at(made, data.sample.values[rows], at_days)
    found = against_oracle(settings, name, data.design.person_id[rows], data.design.index_at[rows], outcome, risk)
    row = {
        "stage": f"{name}: {made.fitted.spec.name}",
        "people": found.n,
        "events": found.n_events,
        "C": round(found.c, 4),
        "peer": f"oracle's C {found.oracle_c:.4f}, above 0.5",
        "ratio": round(found.share, 3),
        "SE": None,
        "budget": f"≥ {SHARE}",
        "ok": found.share >= SHARE if is_enough else None,
    }
    return [row]


def _without(settings: Settings, name: str, family: Any, is_enough: bool) -> dict[str, Any]:
    """The same kind of model, denied one family of features."""
    from ml.ablate import ablate

    found = ablate(settings, name, [family])
    return {
        "stage": f"{name}: {found.model} without {family}",
        "people": found.n,
        "events": found.n_events,
        "C": round(found.c_without, 4),
        "peer": f"C with it {found.c_with:.4f}, difference",
        "ratio": round(found.c_difference, 4),
        "SE": round(found.c_difference_se, 4),
        "budget": "> 2 SE",
        "ok": found.c_difference > 2 * found.c_difference_se if is_enough else None,
    }
