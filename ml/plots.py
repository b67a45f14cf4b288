"""Figures for MLflow: calibration, decision curve, what drives the model. Drawn off screen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml import evaluate
from ml.evaluate import Outcome
from ml.features.spec import Column

Floats = NDArray[np.float64]
_NOTE = "held-out people · research use, not for care"


def calibration(outcome: Outcome, risks: dict[str, Floats], at_days: float, path: Path) -> None:
    """Draw observed against predicted risk of each model: groups of equal size and the smooth curve."""
    figure, axes = _axes("Predicted risk", "Observed risk", f"Calibration at {at_days / 365.25:.1f} years")
    top = 0.05
    for name, risk in risks.items():
        order = np.argsort(risk)
        groups = [group for group in np.array_split(order, min(10, max(len(order) // 25, 2))) if len(group)]
        predicted = [float(risk[group].mean()) for group in groups]
        seen = [evaluate.observed(outcome.take(group), at_days) for group in groups]
        (line,) = axes.plot(predicted, seen, "o", markersize=4, alpha=0.7)
        low, high = np.quantile(risk, [0.02, 0.98])
        grid = np.linspace(float(low), float(high), 60)
        if ((outcome.event == 1) & (outcome.time <= at_days)).sum() >= 5 and np.ptp(risk) > 1e-6:
            curve = evaluate.calibration_curve(outcome, risk, at_days, grid)
            axes.plot(grid, curve, color=line.get_color(), label=name)
        else:
            line.set_label(name)
        top = max(top, *predicted, *seen)
    axes.plot([0, top], [0, top], color="grey", linestyle=":", linewidth=1)
    axes.legend(fontsize=8)
    figure.savefig(path)


def decision_curve(outcome: Outcome, risks: dict[str, Floats], at_days: float, path: Path) -> None:
    """Draw the net benefit of each model, of treating everyone, and of treating no one."""
    figure, axes = _axes("Risk threshold", "Net benefit", f"Decision curve at {at_days / 365.25:.1f} years")
    thresholds = np.linspace(0.01, 0.30, 30)
    everyone = np.ones(len(outcome.time))
    for name, risk in {**risks, "treat everyone": everyone}.items():
        values = [value for _, value in evaluate.net_benefit(outcome, risk, at_days, thresholds)]
        style = {"color": "grey", "linestyle": "--"} if name == "treat everyone" else {}
        axes.plot(thresholds, values, label=name, linewidth=1.4, **style)
    axes.axhline(0, color="grey", linewidth=1, linestyle=":")
    axes.set_ylim(bottom=-0.02)
    axes.legend(fontsize=8)
    figure.savefig(path)


def contributions(columns: tuple[Column, ...], values: Floats, added: Floats, title: str, path: Path) -> None:
    """Draw the 15 features that move the log odds most: one dot per person, coloured by the feature's value."""
    order = np.argsort(np.abs(added).mean(axis=0))[::-1][:15]
    order = order[np.abs(added[:, order]).max(axis=0) > 0][::-1]
    figure, axes = _axes("Contribution to the log odds", "", title, height=0.32 * max(len(order), 4) + 1.2)
    random = np.random.default_rng(0)
    shown = random.choice(len(values), min(len(values), 500), replace=False)
    for row, number in enumerate(order):
        value = values[shown, number]
        known = ~np.isnan(value)
        rank = np.zeros(len(value))
        rank[known] = np.argsort(np.argsort(value[known])) / max(known.sum() - 1, 1)
        spread = row + random.uniform(-0.25, 0.25, len(value))
        axes.scatter(added[shown, number][~known], spread[~known], s=5, color="lightgrey")
        axes.scatter(added[shown, number][known], spread[known], s=6, c=rank[known], cmap="coolwarm")
    axes.set_yticks(range(len(order)), [columns[number].name for number in order], fontsize=8)
    axes.axvline(0, color="grey", linewidth=0.8)
    figure.savefig(path)


def _axes(x: str, y: str, title: str, height: float = 4.5) -> tuple[Any, Any]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.5, height), dpi=100)
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    figure.subplots_adjust(left=0.16 if y else 0.3, right=0.97, top=1 - 0.5 / height, bottom=0.55 / height)
    axes.set(xlabel=x, ylabel=y)
    axes.set_title(f"{title}\n{_NOTE}", fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes
