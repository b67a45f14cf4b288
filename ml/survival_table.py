"""Any survival table as a cohort: a declared spec says which columns are time, event, features and equation inputs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

import duckdb
import numpy as np
import pyarrow as pa
import yaml
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from lake.files import read_yaml
from ml.equations import table as tables
from ml.evaluate import Outcome
from ml.features.spec import Column
from ml.follow_up import BadCohort, Floats, Meaning, as_numbers, column, follow_up, moments, numeric
from ml.models.fitted import Sample
from ml.task import EquationUse, ModelSpec

SPEC_DIR = Path(__file__).parent / "specs"
_DAYS = {"days": 1.0, "weeks": 7.0, "months": 365.25 / 12, "years": 365.25}
_MOST_LEVELS = 20
_INTERVALS, _MOST_INTERVALS = 12, 60


class _Declared(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Feature(_Declared):
    """A feature: a column of the table or of ``derive``. Text becomes one feature per value but the first."""

    name: str
    monotone: Literal[-1, 0, 1] = 0
    unit: str = "1"


class EquationInputs(_Declared):
    """The clinical equation that competes: which column feeds which input, in the equation's unit."""

    name: str
    inputs: dict[str, str]


class Spec(_Declared):
    """How a table is read and evaluated.

    ``event``: 0 or false censored, 1 or true the event, 2 a competing event; ``event_codes`` says what other values
    mean, such as ``{alive: censored, dead: event}``. ``time`` counts from 0, or from ``entry`` on the same clock (late
    entry, an age scale, or two dates): risks are then those from entry on, and an entry that is a number is a feature
    as well. With ``person``, a row that starts where another ends continues its follow-up, and everyone is predicted
    anew where a row of theirs starts (start and stop). ``horizons`` are in ``time_unit``.
    ``derive`` and ``where`` are DuckDB expressions over the table's columns. ``age``: the column of age in years, on
    which the competing event depends. ``site`` adds leave-one-site-out figures; ``split`` (with ``split_at``) temporal
    ones: people below it train, the others are judged. With ``split_is_entry`` the split column is the time of entry in
    ``time_unit`` or a date: training then uses no follow-up from after ``split_at``, which nobody had when the others
    entered. ``intervals`` of discrete time: by default 12, or more where a first horizon is short beside the last.
    """

    name: str = "cohort"
    title: str = ""
    where: str = "true"
    derive: dict[str, str] = {}
    person: str | None = None
    time: str
    event: str
    event_codes: dict[str | int | float | bool, Meaning] | None = None
    entry: str | None = None
    time_unit: Literal["days", "weeks", "months", "years"] = "days"
    horizons: tuple[float, ...] = Field(min_length=1)
    intervals: int = Field(default=0, ge=0, le=_MOST_INTERVALS)
    age: str | None = None
    features: tuple[Feature | str, ...] = Field(min_length=1)
    equation: EquationInputs | None = None
    models: tuple[ModelSpec, ...] = ()
    thresholds: tuple[float, ...] = ()
    subgroups: tuple[str, ...] = ()
    site: str | None = None
    split: str | None = None
    split_at: float | date | None = None
    split_is_entry: bool = False
    folds: int = Field(default=5, ge=2, le=50)
    seed: int = 1
    bootstrap: int = Field(default=100, ge=0, le=5000)

    @model_validator(mode="after")
    def _consistent(self) -> Spec:
        if any(horizon <= 0 for horizon in self.horizons):
            raise ValueError("horizons must be above 0")
        if any(not 0 < one < 1 for one in self.thresholds):
            raise ValueError("thresholds must lie between 0 and 1")
        if (self.split is None) != (self.split_at is None):
            raise ValueError("split and split_at belong together")
        if self.equation is None and any(m.offset or m.kind in ("equation", "recalibrated") for m in self.models):
            raise ValueError("a model needs an equation, and none is declared")
        return self

    @property
    def n_intervals(self) -> int:
        """How many intervals discrete time has up to the last horizon."""
        return self.intervals or min(
            max(_INTERVALS, math.ceil(max(self.horizons) / min(self.horizons))), _MOST_INTERVALS
        )

    @property
    def candidates(self) -> tuple[ModelSpec, ...]:
        """The declared models, or all kinds that the spec can feed."""
        if self.models:
            return self.models
        learned = (
            ModelSpec(name="cox", kind="cox", params={"penalizer": 0.001}),
            ModelSpec(name="lightgbm", kind="lightgbm"),
        )
        if self.equation is None:
            return learned
        return (
            ModelSpec(name="equation", kind="equation"),
            ModelSpec(name="recalibrated_equation", kind="recalibrated"),
            *learned,
            ModelSpec(name="lightgbm_offset", kind="lightgbm", offset=True),
        )


@dataclass(frozen=True)
class Cohort:
    """A table ready to be learned from.

    Attributes:
        sample: features, follow-up in days, events, person.
        horizons_days: in the order of the spec.
        subgroups: name to mask (n,). site, split: values (n,) where declared; the split in days.
        split_at_days: on the same clock.
        rows, dropped: rows that ``where`` kept, and why some of them were not used.
    """

    spec: Spec
    sample: Sample
    equation: EquationUse | None
    horizons_days: tuple[float, ...]
    subgroups: dict[str, NDArray[np.bool_]]
    site: NDArray[Any] | None
    split: Floats | None
    split_at_days: float | None
    rows: int
    dropped: dict[str, int]

    @property
    def cuts(self) -> Floats:
        """Edges of the intervals of discrete time: to the last horizon, or to where nobody is followed any more."""
        return np.linspace(0.0, min(max(self.horizons_days), float(self.sample.time.max())), self.spec.n_intervals + 1)

    @property
    def days_per_unit(self) -> float:
        return _DAYS[self.spec.time_unit]

    @property
    def outcome(self) -> Outcome:
        return Outcome(self.sample.time, self.sample.event)


_ABSENT = {
    "start": "there is no such field; when a row comes under observation is entry",
    "weights": "people are not weighted: figures hold for the people of the table, each counted once",
    "strata": "models have no strata; make it a feature, or a site",
}
"""What people look for and do not find."""


def load_spec(name: str) -> Spec:
    """Load a spec by the path of its YAML file, or a shipped one by name.

    Raises:
        BadCohort: there is none, or it is not valid; the message names the field.
    """
    path = Path(name) if name.endswith((".yaml", ".yml")) else SPEC_DIR / f"{name}.yaml"
    if not path.is_file():
        shipped = ", ".join(sorted(one.stem for one in SPEC_DIR.glob("*.yaml")))
        raise BadCohort(f"no spec {name!r}: give a YAML file, or one of {shipped}")
    try:
        declared = read_yaml(path)
        return Spec.model_validate({"name": path.stem} | (declared or {}))
    except yaml.YAMLError as error:
        raise BadCohort(f"{path.name} is not YAML: {' '.join(str(error).split())}") from None
    except ValidationError as error:
        raise BadCohort(f"{path.name}: {'; '.join(map(_told, error.errors()))}") from None


def _told(error: ErrorDetails) -> str:
    """Say what is wrong with a field; a field that does not exist comes with those that do."""
    where = ".".join(map(str, error["loc"])) or "the spec"
    if error["type"] != "extra_forbidden":
        return f"{where}: {error['msg']}"
    if where in _ABSENT:
        return f"{where}: {_ABSENT[where]}"
    meant = get_close_matches(where, Spec.model_fields, 1, 0.7)
    return f"{where}: there is no such field" + (f"; {meant[0]}?" if meant else "")


def read(path: Path, spec: Spec) -> Cohort:
    """Read a table as its spec says.

    Rows without a usable time or event are dropped and counted, missing features stay missing.

    Raises:
        BadCohort: a column is absent, an expression fails, nobody is left, nobody has the event, or no feature varies.
    """
    found = _selected(tables.read(path, typed=True), spec)
    rows = found.num_rows
    if not rows:
        raise BadCohort(f"no row of {path.name} fulfils: {spec.where}")
    days = _DAYS[spec.time_unit]
    people = _codes(column(found, spec.person)) if spec.person else None
    followed = follow_up(
        found,
        spec.time,
        spec.event,
        codes=spec.event_codes,
        entry_column=spec.entry,
        person=people,
        days=days,
    )
    found, time, event = found.filter(pa.array(kept := followed.kept)), followed.time[kept], followed.event[kept]
    columns, values = _features(found, spec)
    equation = None
    if spec.equation is not None:
        columns, values, equation = _with_inputs(found, spec.equation, columns, values)
    split, split_at_days = _split(found, spec)
    subgroups = {f"{name}={value}": mask for name in spec.subgroups for value, mask in groups(found, name).items()}
    return Cohort(
        spec,
        Sample(columns, values, time, event, np.arange(len(time)) if people is None else people[kept]),
        equation,
        tuple(horizon * days for horizon in spec.horizons),
        subgroups,
        column(found, spec.site).to_numpy(zero_copy_only=False) if spec.site else None,
        split,
        split_at_days,
        rows,
        followed.dropped,
    )


def _selected(found: pa.Table, spec: Spec) -> pa.Table:
    """Apply ``derive`` and ``where`` in a database that reaches no file."""
    derived = "".join(f', ({expression}) as "{name}"' for name, expression in spec.derive.items())
    replaced = {name.lower() for name in spec.derive}  # names of columns know no case in SQL
    taken = ", ".join(f'"{name}"' for name in found.column_names if name.lower() in replaced)
    everything = f"* exclude ({taken})" if taken else "*"
    with duckdb.connect(":memory:", config={"enable_external_access": False}) as connection:
        connection.register("cohort", found)
        try:
            return connection.sql(
                f"select * from (select {everything}{derived} from cohort) where {spec.where}"
            ).to_arrow_table()
        except duckdb.Error as error:
            raise BadCohort(f"an expression of the spec fails: {str(error).splitlines()[0]}") from None


def _split(found: pa.Table, spec: Spec) -> tuple[Floats | None, float | None]:
    """Return the split column and where it is split, both in days."""
    if spec.split is None or spec.split_at is None:
        return None, None
    at, is_dated = moments(found, spec.split)
    if is_dated != isinstance(spec.split_at, date):
        raise BadCohort(f"{spec.split} and split_at ({spec.split_at}) must both be dates or both be numbers")
    if isinstance(spec.split_at, date):
        return at, float((spec.split_at - date(1970, 1, 1)).days)
    days = _DAYS[spec.time_unit]
    return at * days, spec.split_at * days


def _features(found: pa.Table, spec: Spec) -> tuple[tuple[Column, ...], Floats]:
    columns, values = [], []
    declared = [Feature(name=one) if isinstance(one, str) else one for one in spec.features]
    names = [one.name for one in declared]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise BadCohort(f"a feature twice: {', '.join(twice)}")
    if outcome := sorted({spec.time, spec.event} & set(names)):
        raise BadCohort(f"{', '.join(outcome)} is the outcome, which nobody knows at entry; it cannot be a feature")
    if spec.entry and spec.entry not in names and not moments(found, spec.entry)[1]:
        declared.append(Feature(name=spec.entry))
    for feature in declared:
        given = column(found, feature.name)
        numbers = as_numbers(given)
        name = "age_years" if feature.name == spec.age else feature.name
        if numbers is not None:
            columns.append(_named(name, feature))
            values.append(numbers)
            continue
        if pa.types.is_temporal(given.type):
            raise BadCohort(
                f"{feature.name} is a date; a feature is a number: count the days to entry with an expression under"
                " derive"
            )
        text = given.cast(pa.string()).to_pandas()
        levels = sorted(text.dropna().unique())
        if len(levels) > _MOST_LEVELS:
            raise BadCohort(
                f"{feature.name} has {len(levels)} different texts; a feature is a number or at most {_MOST_LEVELS}"
                " categories (group them with an expression under derive)"
            )
        for level in levels[1:]:
            columns.append(_named(f"{name}={level}", feature))
            values.append(np.where(text.isna(), np.nan, (text == level).astype(float)))
    if spec.age and "age_years" not in {one.name for one in columns}:
        columns.append(_named("age_years", Feature(name="age_years", unit="a")))
        values.append(numeric(found, spec.age))
    stacked = np.column_stack(values).astype(float)
    if not (np.nanmax(stacked, axis=0, initial=-np.inf) > np.nanmin(stacked, axis=0, initial=np.inf)).any():
        raise BadCohort("no feature varies: there is nothing to tell people apart by")
    return tuple(columns), stacked


def _with_inputs(
    found: pa.Table, declared: EquationInputs, columns: tuple[Column, ...], values: Floats
) -> tuple[tuple[Column, ...], Floats, EquationUse]:
    """Add the equation's inputs as columns of their own, in its units; the trees see them as well."""
    from ml.equations import get

    try:
        inputs = {one.name: one for one in get(declared.name).inputs}
    except KeyError as error:
        raise BadCohort(str(error.args[0])) from None
    if unknown := sorted(set(declared.inputs) - set(inputs)):
        raise BadCohort(f"{declared.name} has no input {', '.join(unknown)}; its inputs are: {', '.join(inputs)}")
    names = [one.name for one in columns]
    fed: dict[str, str] = {}
    added: list[Column] = []
    more: list[Floats] = []
    for name, header in declared.inputs.items():
        present = "age_years" if name == "age" and "age_years" in names else header
        if present not in names and present not in {one.name for one in added}:
            added.append(_named(header, Feature(name=header, unit=inputs[name].unit)))
            more.append(numeric(found, header))
        fed[name] = present
    use = EquationUse(name=declared.name, inputs=fed, mismatch="declared with a table")
    return (*columns, *added), np.column_stack([values, *more]), use


def _named(name: str, feature: Feature) -> Column:
    return Column(name=name, label=name, unit=feature.unit, family="ehr", group=feature.name, monotone=feature.monotone)


def _codes(column: pa.ChunkedArray) -> NDArray[np.int64]:
    return np.unique(column.cast(pa.string()).to_numpy(zero_copy_only=False).astype(str), return_inverse=True)[1]


def groups(found: pa.Table, name: str) -> dict[str, NDArray[np.bool_]]:
    """Return who has each value of a column."""
    text = column(found, name).cast(pa.string()).to_pandas()
    levels = sorted(text.dropna().unique())
    if len(levels) > _MOST_LEVELS:
        raise BadCohort(f"subgroup {name} has {len(levels)} values; band it with an expression under derive")
    return {level: (text == level).to_numpy() for level in levels}
