"""What a feature set may declare: concept x window x statistic, with label, unit, family and direction."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from lake.files import read_yaml

SET_DIR = Path(__file__).parent / "sets"

Family = Literal["demographics", "ehr", "wearables", "genome", "environment"]
Stat = Literal["last", "mean", "min", "max", "slope", "count", "days_since"]


class _Declared(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Column(_Declared):
    """One column of the design matrix, as it came out of a declaration.

    ``monotone``: +1 when a higher value may only raise the risk, -1 only lower it, 0 free (clinical knowledge).
    ``unit``: UCUM. ``group``: what a reason is aggregated to.
    """

    name: str
    label: str
    unit: str
    family: Family
    group: str
    monotone: int


class _Source(_Declared):
    label: str
    group: str = ""
    monotone: Literal[-1, 0, 1] = 0


class Demographic(_Source):
    """Age at the index date, or sex (1 male, 0 female)."""

    kind: Literal["demographic"]
    field: Literal["age_years", "sex_male"]

    def columns(self) -> list[Column]:
        return [_column(self, self.field, "a" if self.field == "age_years" else "1", "demographics")]


class Measurement(_Source):
    """Numbers of one concept in canonical units; ``map`` turns coded answers into numbers.

    ``stats``: statistic -> look-backs in days. ``slope`` is per year, over at least two dates half a year apart.
    ``count`` is 0 when nothing was measured; every other statistic is then missing.
    """

    kind: Literal["measurement"]
    concept: str
    unit: str
    stats: dict[Stat, tuple[int, ...]]
    map: dict[str, float] = {}

    def columns(self) -> list[Column]:
        return [
            _column(self, f"{self.concept}_{stat}_{window(days)}", *_unit_and_sign(stat, self.unit), "ehr")
            for stat, windows in self.stats.items()
            for days in windows
        ]


class Wearable(_Source):
    """A column of the daily wearable record; a window needs ``min_days`` worn days, else it is missing."""

    kind: Literal["wearable"]
    column: Literal[
        "steps",
        "resting_heart_rate",
        "hrv_rmssd",
        "hrv_sdnn",
        "sleep_minutes",
        "active_energy_kcal",
        "glucose_mean",
    ]
    unit: str
    stats: dict[Stat, tuple[int, ...]]
    min_days: int = 7

    def columns(self) -> list[Column]:
        return [
            _column(self, f"{self.column}_day_{stat}_{window(days)}", *_unit_and_sign(stat, self.unit), "wearables")
            for stat, windows in self.stats.items()
            for days in windows
        ]


class GenomeScore(_Source):
    """Ancestry-adjusted z of the first of these polygenic scores that the person has; missing when not computed."""

    kind: Literal["genome_score"]
    name: str
    scores: tuple[str, ...] = Field(min_length=1)

    def columns(self) -> list[Column]:
        return [_column(self, self.name, "1", "genome")]


class GenomeMarker(_Source):
    """A named marker as a number through ``map``; not assessed stays missing, never reference."""

    kind: Literal["genome_marker"]
    marker: str
    map: dict[str, float]

    def columns(self) -> list[Column]:
        return [_column(self, f"marker_{self.marker}", "1", "genome")]


class Environment(_Source):
    """Mean of a daily value over the window, each day's in the region where the person lived on it."""

    kind: Literal["environment"]
    parameter: Literal["pm2_5"]
    unit: str
    days: tuple[int, ...]
    min_days: int = 30

    def columns(self) -> list[Column]:
        return [_column(self, f"{self.parameter}_mean_{window(days)}", self.unit, "environment") for days in self.days]


class Medication(_Source):
    """1 when any of these ingredients was ordered or running in the window, 0 when not, missing without EHR contact."""

    kind: Literal["medication"]
    name: str
    concepts: tuple[str, ...] = Field(min_length=1)
    days: int = Field(gt=0)

    def columns(self) -> list[Column]:
        return [_column(self, f"{self.name}_{window(self.days)}", "1", "ehr")]


class Condition(_Source):
    """1 when any of these conditions is on record, 0 when not, missing without EHR contact."""

    kind: Literal["condition"]
    name: str
    concepts: tuple[str, ...] = Field(min_length=1)

    def columns(self) -> list[Column]:
        return [_column(self, f"has_{self.name}", "1", "ehr")]


class ConditionCount(_Source):
    """How many different conditions are on record; missing without EHR contact.

    ``without``: concepts not counted.
    """

    kind: Literal["condition_count"]
    name: str
    without: tuple[str, ...] = ()

    def columns(self) -> list[Column]:
        return [_column(self, self.name, "1", "ehr")]


class FamilyHistory(_Source):
    """1 when a relative is recorded with any of these conditions, 0 when other family history is, else missing."""

    kind: Literal["family_history"]
    name: str
    concepts: tuple[str, ...] = Field(min_length=1)

    def columns(self) -> list[Column]:
        return [_column(self, f"family_{self.name}", "1", "ehr")]


class Derived(_Source):
    """A function of other features (see ``ml.features.derive``), known when the last of its inputs was."""

    kind: Literal["derived"]
    name: str
    function: str
    inputs: dict[str, str]
    unit: str

    def columns(self) -> list[Column]:
        return [_column(self, self.name, self.unit, "ehr")]


Declaration = Annotated[
    Demographic
    | Measurement
    | Wearable
    | GenomeScore
    | GenomeMarker
    | Environment
    | Medication
    | Condition
    | ConditionCount
    | FamilyHistory
    | Derived,
    Field(discriminator="kind"),
]


class FeatureSet(_Declared):
    """A named, versioned list of declarations; its columns come out in the declared order."""

    name: str
    version: int
    features: tuple[Declaration, ...]

    @model_validator(mode="after")
    def _unique(self) -> FeatureSet:
        names = [column.name for column in self.columns]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"features declared twice: {', '.join(twice)}")
        for one in self.features:
            if isinstance(one, Derived) and (unknown := sorted(set(one.inputs.values()) - set(names))):
                raise ValueError(f"derived feature {one.name!r} uses unknown features: {', '.join(unknown)}")
        return self

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """All columns of the design matrix, in order."""
        return tuple(column for one in self.features for column in one.columns())

    @cached_property
    def hash(self) -> str:
        """First 12 hexadecimal digits of the sha256 of the declaration."""
        return hashlib.sha256(json.dumps(self.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()[:12]


def window(days: int) -> str:
    """Name a look-back: whole years as ``5y``, else days as ``90d``."""
    years = round(days / 365.25)
    return f"{years}y" if years >= 1 and abs(days - years * 365.25) <= 1 else f"{days}d"


@lru_cache(maxsize=16)
def load_set(name: str) -> FeatureSet:
    """Load and validate a shipped feature set.

    Raises:
        KeyError: no such set.
    """
    path = SET_DIR / f"{name}.yaml"
    if not path.exists():
        raise KeyError(
            f"no feature set {name!r}; there are: {', '.join(sorted(p.stem for p in SET_DIR.glob('*.yaml')))}"
        )
    return FeatureSet.model_validate(read_yaml(path))


def _unit_and_sign(stat: Stat, unit: str) -> tuple[str, bool]:
    """Return the unit of a statistic, and whether the declared direction holds for it."""
    if stat == "count":
        return "1", False
    if stat == "days_since":
        return "d", False
    return (f"{unit}/a", True) if stat == "slope" else (unit, True)


def _column(source: _Source, name: str, unit: str, *rest: bool | str) -> Column:
    *signed, family = rest
    directed = signed[0] if signed else True
    return Column(
        name=name,
        label=source.label,
        unit=unit,
        family=family,  # type: ignore[arg-type]
        group=source.group or source.label,
        monotone=source.monotone if directed else 0,
    )
