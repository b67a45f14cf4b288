"""Pictures of what was simulated. They show groups of people and published figures, never one person."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from simulation.engine.course import Array
from simulation.qualification import Target

_NOTE = "research use, not for care"


def glucose_band(drawn: Sequence[tuple[str, Array, Array]], path: Path) -> None:
    """Median and 90 % band of glucose after meals, over people and ensemble.

    Args:
        drawn: name of the scenario, minutes of shape (times,), glucose of shape (times, people, members).
    """
    figure, axes = _axes("Minutes after the meal", "Glucose (mg/dL)", "Glucose after a meal")
    for name, minutes, course in drawn:
        flat = course.reshape(len(course), -1)
        low, middle, high = np.nanquantile(flat, (0.05, 0.5, 0.95), axis=1)
        (line,) = axes.plot(minutes, middle, label=name)
        axes.fill_between(minutes, low, high, color=line.get_color(), alpha=0.2)
    axes.legend(fontsize=8)
    figure.savefig(path)


def course_band(forecasts: Sequence[dict[str, Any]], outcome: str, path: Path) -> None:
    """Forecasts from the cut-off against what was then measured, each with its 90 % interval."""
    rows = [one for one in forecasts if one["is_backtest"] and one["outcome"] == outcome]
    unit = rows[0]["unit"] if rows else ""
    name = outcome.replace("_", " ")
    figure, axes = _axes(f"Forecast ({unit})", f"Measured later ({unit})", f"{name}: forecast and what came")
    if rows:
        low, middle, high, seen = (np.array([one[key] for one in rows]) for key in ("p05", "p50", "p95", "happened"))
        axes.errorbar(middle, seen, xerr=np.stack([middle - low, high - middle]), fmt="o", markersize=3, alpha=0.4)
        ends = [float(min(seen.min(), low.min())), float(max(seen.max(), high.max()))]
        axes.plot(ends, ends, color="grey", linestyle=":", linewidth=1)
    figure.savefig(path)


def treatment_front(ranks: Sequence[dict[str, Any]], path: Path) -> None:
    """Mean benefit and harm of each treatment over those for whom it is open."""
    figure, axes = _axes("Harm per 1,000 in ten years", "Benefit per 1,000 in ten years", "Treatments")
    for name in sorted({one["treatment"] for one in ranks}):
        mine = [one for one in ranks if one["treatment"] == name and one["rank_no"] is not None]
        if mine:
            share = np.mean([one["is_on_front"] for one in mine])
            x, y = (float(np.mean([one[key] for one in mine])) for key in ("harm", "benefit"))
            axes.plot(x, y, "o", label=f"{name} (on the front for {share:.0%} of {len(mine)})")
    axes.legend(fontsize=6)
    figure.savefig(path)


def forest(targets: Sequence[Target], path: Path) -> None:
    """Published hazard ratios with their interval, and what was predicted; misses in red."""
    rows = [one for one in targets if one.model == "events"]
    figure, axes = _axes("Hazard ratio", "", "Published trials, predicted from one number each", (6.4, 5.6))
    for place, one in enumerate(reversed(rows)):
        axes.plot([one.lower, one.upper], [place, place], color="grey", linewidth=1)
        axes.plot(one.expected, place, "|", color="black")
        axes.plot(one.found, place, "D", markersize=4, color="tab:red" if one.verdict == "miss" else "tab:blue")
    axes.set_yticks(
        range(len(rows)), [f"{one.target.split(',')[0]} ({one.role})" for one in reversed(rows)], fontsize=7
    )
    axes.axvline(1, color="grey", linestyle=":", linewidth=1)
    figure.savefig(path)


def trial_forest(
    title: str, truth: float, rows: Sequence[tuple[str, float, float]], effect: str, path: Path
) -> None:  # fmt: skip
    """Estimates of a simulated trial's analyses, each with the 95 % interval of one trial, and the true effect.

    Args:
        rows: analysis, mean estimate, standard error.
    """
    figure, axes = _axes(effect, "", title, (6.4, 1.6 + 0.4 * len(rows)), "with the interval of one trial")
    for place, (_, estimate, error) in enumerate(reversed(rows)):
        axes.plot([estimate - 1.959964 * error, estimate + 1.959964 * error], [place, place], color="grey")
        axes.plot(estimate, place, "D", markersize=4, color="tab:blue")
    axes.set_yticks(range(len(rows)), [name for name, _, _ in reversed(rows)], fontsize=8)
    axes.axvline(truth, color="black", linestyle=":", linewidth=1, label="true effect")
    axes.axvline(0, color="grey", linewidth=0.5)
    axes.legend(fontsize=7)
    figure.savefig(path)


def _axes(
    x: str, y: str, title: str, size: tuple[float, float] = (6.4, 4.2), who: str = "people at high risk"
) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, dpi=90, layout="constrained")
    axes = figure.add_subplot()
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.set_title(f"{title}\n{who} · {_NOTE}", fontsize=9)
    return figure, axes
