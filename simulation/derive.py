"""The simulation stage of a build: models held against their targets, then what they say about people at high risk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from lake import derived
from lake.settings import Settings
from simulation import outlook, progression, tables
from simulation.engine.course import Array
from simulation.people import Twin, at_high_risk, lake, read
from simulation.treatment.compare import Option, compare
from simulation.treatment.layers import effects, side_effects
from simulation.treatment.options import STANDARD

COHORT = 100
"""People whose treatments and courses every build simulates: those at the highest risk."""


@dataclass
class Result:
    """What the stage made.

    Attributes:
        rows: table → number of rows.
        calibration: figures of the personal courses, for the log: error of forecasts, of the prior and of persistence,
            coverage of the 90 % interval, share fitted.
        pictures: data of what is drawn.
    """

    rows: dict[str, int] = field(default_factory=dict)
    people: int = 0
    calibration: dict[str, dict[str, float]] = field(default_factory=dict)
    pictures: dict[str, Any] = field(default_factory=dict)


def derive(settings: Settings, most: int = COHORT) -> Result:
    """Simulate the people at highest risk and replace the derived tables of `tables`, but for the validation."""
    with lake(settings) as connection:
        twins = read(connection, at_high_risk(connection, most))
        result = Result(people=len(twins))
        (now,) = connection.execute("select max(last_observed_at) from core.twin_person").fetchone() or (None,)
        forecasts, fitted = _courses(connection, twins, now, result) if twins else ([], [])
    summary: list[dict[str, Any]] = []
    for one in outlook.SCENARIOS if twins else ():
        told = outlook.standard(one, twins)
        summary += told.rows
        result.pictures[one.scenario.name] = (one.scenario.name, told.times, told.courses[one.outcomes[0].symbol])
    ranked = _ranked(twins, STANDARD)
    made = {
        tables.TWIN_PARAMETER: fitted,
        tables.PROGRESSION_FORECAST: forecasts,
        tables.SIM_SUMMARY: summary,
        tables.TREATMENT_RANK: ranked,
    }
    for table, rows in made.items():
        derived.replace(settings, table, "all", pa.Table.from_pylist(rows, table.schema))
        result.rows[table.name] = len(rows)
    result.pictures["ranks"] = ranked
    return result


def _courses(
    connection: duckdb.DuckDBPyConnection, twins: Sequence[Twin], now: datetime, result: Result
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    by_person = {one.person_id: one for one in twins}
    cut = now.replace(year=now.year - progression.BACKTEST_YEARS, day=min(now.day, 28))
    forecasts: list[dict[str, Any]] = []
    fitted: list[dict[str, Any]] = []
    judged: dict[str, list[tuple[float, float, float, float, bool]]] = {}
    for until in (cut, now):
        found = list(progression.sums(connection, list(by_person), until))
        for person, outcome, sums, later in found:
            twin = by_person[person]
            about = progression.outcomes()[outcome]
            course = progression.fit(outcome, sums, twin.person.conditions)
            shared = {
                "person_id": person,
                "disease": about["disease"],
                "outcome": outcome,
                "unit": about["unit"],
                "made_from": until,
                "persistence": sums.last,
                "status": course.status,
                "reason": course.reason,
                "model": progression.MODEL,
                "model_sha256": progression.sha256(),
                "param_source": f"{sums.n} own measurements; prior slope: {about['source']}",
                "credibility": progression.CREDIBILITY,
            }
            if until == cut:
                if later is not None:
                    n, mean, at = later
                    values = course.after([at], measured=n, within=about["within"])
                    low, middle, high = (float(one) for one in course.quantiles(values)[:, 0])
                    row = {
                        "care": "current",
                        "is_backtest": True,
                        "horizon_years": at,
                        "happened": mean,
                        "n_happened": n,
                    }
                    forecasts.append(shared | row | {"p05": low, "p50": middle, "p95": high})
                    slope = about["slope"][0]
                    prior = sums.y / sums.n + slope * (at - sums.t / sums.n)
                    judged.setdefault(outcome, []).append(
                        (
                            middle - mean,
                            prior - mean,
                            sums.last - mean,
                            float(low <= mean <= high),
                            course.status == "fitted",
                        )
                    )
                continue
            fitted += _parameters(shared, course, sums.n, until)
            years = np.array(progression.HORIZONS)
            plain = course.after(years)
            cares: list[tuple[str, Array]] = [("current", plain)]
            cares += [
                (name, progression.under(course, plain, years, one))
                for name, one in progression.alternatives(outcome, twin)
            ]
            for care, values in cares:
                for number, (low, middle, high) in enumerate(course.quantiles(values).T):
                    row = {"care": care, "is_backtest": False, "horizon_years": float(years[number])}
                    forecasts.append(shared | row | {"p05": float(low), "p50": float(middle), "p95": float(high)})
    for outcome, rows in judged.items():
        errors = np.array(rows, dtype=float)
        rmse = np.sqrt((errors[:, :3] ** 2).mean(axis=0))
        result.calibration[outcome] = {
            "people": float(len(rows)),
            "rmse": float(rmse[0]),
            "rmse_prior": float(rmse[1]),
            "rmse_persistence": float(rmse[2]),
            "coverage": float(errors[:, 3].mean()),
            "share_fitted": float(errors[:, 4].mean()),
        }
    return forecasts, fitted


def _parameters(shared: dict[str, Any], course: progression.Course, n: int, until: datetime) -> list[dict[str, Any]]:
    kept = {name: shared[name] for name in ("person_id", "model", "outcome", "status", "reason", "model_sha256")}
    return [
        kept
        | {
            "parameter": name,
            "unit": shared["unit"] if name == "level" else f"{shared['unit']} a year",
            "p05": low,
            "p50": middle,
            "p95": high,
            "effective_members": progression.effective(course),
            "temper": course.temper,
            "n_observed": n,
            "fitted_until": until,
        }
        for name, (low, middle, high) in progression.parameters(course).items()
    ]


def _ranked(twins: Sequence[Twin], options: Sequence[Option]) -> list[dict[str, Any]]:
    felt = {one.name: side_effects([(dose.drug, dose.mg) for dose in one.drugs]) for one in options}
    return [
        {
            "person_id": one.person_id,
            "treatment": one.option,
            "status": one.status,
            "rank_no": one.rank,
            "benefit": one.benefit,
            "harm": one.harm,
            "net": one.net,
            "net_p05": one.net_p05,
            "net_p95": one.net_p95,
            "p_best": one.p_best,
            "is_on_front": one.on_front,
            "reason": "; ".join(one.reasons),
            "side_effects": felt[one.option],
            "source": f"{effects()['pressure']['source']}; {effects()['risk']['ldl']['source']}",
        }
        for one in compare([twin.person for twin in twins], options, draws=500)
    ]


def statuses(rows: Sequence[dict[str, Any]]) -> dict[str, int]:
    """How many rows have which status."""
    return dict(Counter(str(one["status"]) for one in rows))
