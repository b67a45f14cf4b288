"""Tasks as data: what is predicted, for whom, from when, with which features, models and gates."""

from __future__ import annotations

import hashlib
import json
import os
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from lake.files import read_yaml

TASK_DIR = Path(__file__).parent / "tasks"


class _Declared(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class IndexDates(_Declared):
    """When predictions are made: yearly from ``first`` until the data cutoff, or at the end of each hospital stay.

    ``after``: encounter classes whose end is an index date, once it is known; without it the dates are scheduled.
    """

    first: date
    every_years: int = Field(default=1, ge=1)
    last: date | None = None
    after: tuple[str, ...] = ()

    def dates(self, cutoff: datetime) -> list[datetime]:
        """Return the index dates strictly before ``cutoff`` (midnight UTC)."""
        found = []
        year = self.first.year
        while (at := datetime(year, self.first.month, self.first.day)) < cutoff:
            if self.last is None or at.date() <= self.last:
                found.append(at)
            year += self.every_years
        return found


class Eligibility(_Declared):
    """Who may be scored at an index date; judged only on what was known then."""

    age_years: tuple[float, float]
    observed_within_days: int = Field(
        gt=0,
        description="An encounter, diagnosis or prescription became known in this look-back. Laboratory results alone "
        "do not count: who is seen only by a source without diagnoses would never have the outcome.",
    )
    exclude_prior: tuple[str, ...] = Field(
        default=(), description="Condition concepts that exclude, besides the outcome."
    )
    require_prior: tuple[str, ...] = Field(
        default=(), description="Condition concepts of which one must be on record: whom the task is about."
    )
    sex: Literal["female", "male"] | None = None


class Threshold(_Declared):
    """A result of this concept below a value, in its canonical unit."""

    concept: str
    below: float


class Outcome(_Declared):
    """First record of any of these, by date, as known at the data cutoff: conditions, encounters, a result, or death.

    ``recurrent``: the next one after the index date counts, whatever was before; else only people who never had it are
    at risk.
    """

    phenotype: str
    concepts: tuple[str, ...] = ()
    encounters: tuple[str, ...] = Field(default=(), description="Encounter classes.")
    result: Threshold | None = None
    death: bool = False
    recurrent: bool = False

    @model_validator(mode="after")
    def _something(self) -> Outcome:
        if not (self.concepts or self.encounters or self.result or self.death):
            raise ValueError("an outcome is a condition, an encounter, a result or death")
        return self


class EquationUse(_Declared):
    """A clinical equation as competitor: which feature feeds which of its inputs.

    ``max_defaulted``: with more inputs than this unknown, the equation gives no risk.
    """

    name: str
    inputs: dict[str, str]
    mismatch: str = Field(description="How the equation's outcome, horizon or population differ from the task's.")
    max_defaulted: int = 4


class ModelSpec(_Declared):
    """One candidate, in order of complexity; ``params`` are those of its kind (see ``ml.models``)."""

    name: str
    kind: Literal["equation", "recalibrated", "cox", "lightgbm"]
    features: tuple[str, ...] = ()
    offset: bool = False
    params: dict[str, float | int] = {}


class Band(_Declared):
    """A named band of risk: ``risk >= from_risk`` and below the next band."""

    name: str
    from_risk: Annotated[float, Field(ge=0, lt=1)]


class Gates(_Declared):
    """What a candidate must show before it may become champion (reference/ml.md 4.7)."""

    c_within_se: float = Field(default=0.5, description="G3: C may be this many SE of the difference below.")
    brier_loss: float = Field(default=0.002, description="G3: the interval of the Brier loss must end below this.")
    observed_expected: tuple[float, float] = Field(default=(0.85, 1.15), description="G4: band of O:E.")
    slope: tuple[float, float] = Field(default=(0.85, 1.2), description="G4: band of the calibration slope.")
    ici: float = Field(default=0.02, description="G4: largest integrated calibration index.")
    subgroup_observed_expected: tuple[float, float] = Field(default=(0.7, 1.4), description="G4: the same by subgroup.")
    max_flips: float = Field(
        default=0.25, description="G6: share of people that sub-sample models move over a threshold."
    )
    censoring_c: float = Field(default=0.6, description="G7: above this, IPCW metrics are flagged.")
    volume_change: float = Field(default=0.2, description="G8: change of alert volume against the champion.")
    min_events: int = Field(default=30, description="Held-out events below which a learned model cannot be judged.")


class Monitoring(_Declared):
    """When a served model is no longer what it was, and what then follows (reference/ml.md 4.8)."""

    psi_watch: float = Field(default=0.10, description="Population stability index from which a shift is shown.")
    psi_alarm: float = Field(default=0.25, description="From which it is an alarm.")
    share_alarm: float = Field(default=0.10, description="Change of a share (missing values, people over a threshold).")
    drifted_features: float = Field(default=0.2, description="Share of features in alarm that calls for training.")
    after_days: tuple[int, ...] = Field(
        default=(30, 90, 365, 1826), description="Ages at which given scores are held against what happened since."
    )
    observed_expected: tuple[float, float] = Field(default=(0.8, 1.25), description="Band of O:E of matured scores.")
    min_events: int = Field(default=20, description="Events that a matured O:E needs.")
    growth: float = Field(default=0.05, description="Growth of the cohort's rows that calls for training.")


class Task(_Declared):
    """A declared prediction task. ``hash`` identifies everything that can change its result."""

    name: str
    version: int
    title: str
    description: str
    index: IndexDates
    eligibility: Eligibility
    outcome: Outcome
    competing: Literal["death", "none"] = "death"
    horizon_days: int = Field(gt=0)
    interval_days: int = Field(default=365, gt=0, description="Length of the discrete-time intervals.")
    feature_set: str
    equations: tuple[EquationUse, ...] = Field(default=(), description="The first is the competitor and the offset.")
    models: tuple[ModelSpec, ...] = Field(min_length=1)
    thresholds: tuple[float, ...] = Field(description="Guideline risk thresholds for the decision curve and gates.")
    bands: tuple[Band, ...]
    test_fraction: float = Field(
        default=0.25, gt=0, lt=1, description="Share of people held out, the same in every task."
    )
    folds: int = Field(default=5, ge=2)
    subsamples: int = Field(default=10, ge=2, description="Models on 63.2% of people behind the risk interval.")
    seed: int = 20260630
    gates: Gates = Gates()
    monitoring: Monitoring = Monitoring()
    on_demand: bool = Field(
        default=False, description="Trained where asked (twin ml train, TWIN_TASKS), not by every build."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Task:
        if self.horizon_days < self.interval_days:
            raise ValueError("horizon_days must be at least interval_days")
        if list(self.bands) != sorted(self.bands, key=lambda band: band.from_risk) or self.bands[0].from_risk != 0:
            raise ValueError("bands must start at 0 and rise")
        needing = [one.name for one in self.models if one.kind in ("equation", "recalibrated") or one.offset]
        if needing and not self.equations:
            raise ValueError(f"models {', '.join(needing)} need an equation, and none is declared")
        if self.outcome.death != (self.competing == "none"):
            raise ValueError("death competes with every outcome but itself")
        return self

    @property
    def equation(self) -> EquationUse | None:
        """The equation that competes and serves as offset, if the task has one."""
        return self.equations[0] if self.equations else None

    @cached_property
    def hash(self) -> str:
        """First 12 hexadecimal digits of the sha256 of the declaration together with its feature set."""
        from ml.features.spec import load_set

        declared: dict[str, Any] = {
            "task": self.model_dump(mode="json"),
            "features": load_set(self.feature_set).model_dump(mode="json"),
        }
        return hashlib.sha256(json.dumps(declared, sort_keys=True).encode()).hexdigest()[:12]


def names() -> list[str]:
    """Return the names of the shipped tasks."""
    return sorted(path.stem for path in TASK_DIR.glob("*.yaml"))


def built() -> list[str]:
    """Return the tasks that every build trains and scores: those not on demand, or what ``TWIN_TASKS`` names.

    Raises:
        KeyError: ``TWIN_TASKS`` names a task that does not exist.
    """
    asked = [one.strip() for one in os.environ.get("TWIN_TASKS", "").split(",") if one.strip()]
    if asked == ["all"]:
        return names()
    if unknown := sorted(set(asked) - set(names())):
        raise KeyError(f"TWIN_TASKS names no task: {', '.join(unknown)}; there are: {', '.join(names())}")
    return sorted(asked) if asked else [name for name in names() if not load(name).on_demand]


def load(name: str) -> Task:
    """Load and validate a shipped task by name, or any task by the path of its YAML file.

    Raises:
        KeyError: no such task.
        ValueError: the declaration is not valid; the message names the field.
    """
    path = Path(name) if name.endswith((".yaml", ".yml")) else TASK_DIR / f"{name}.yaml"
    if not path.exists():
        raise KeyError(f"no task {name!r}; there are: {', '.join(names())}")
    return Task.model_validate(read_yaml(path))
