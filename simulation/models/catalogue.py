"""The authored models: Antimony text beside a YAML with source, licence, ranges and variants."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from lake.files import read_yaml
from simulation.engine.generate import Compiled, compile_model
from simulation.engine.sbml import BadModel, Model, parse

FOLDER = Path(__file__).parent


class Taken(BaseModel):
    """What a drug does to a model while it is taken: ``sets`` a symbol, by daily mg, straight between the figures."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sets: str
    by_mg: dict[float, float]


class Given(BaseModel):
    """What one dose does: ``adds`` so many ``per_unit`` to a state, divided by the symbol ``per``.

    Attributes:
        most: largest dose in ``unit``.
        ratio: symbol that takes the drug's AUC ratio (`pharmacology.exposure`), if any.
        replaces: symbol of the model's own first dose, nought in a scenario with doses.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    adds: str
    per_unit: float
    most: float
    unit: str
    per: str | None = None
    replaces: str | None = None
    ratio: str | None = None


class Takes(BaseModel):
    """What a scenario can do to a model.

    Attributes:
        meals: carbohydrate reaches the stomach at once, or is eaten through the mouth.
        drugs: drug → what its daily dose sets.
        doses: drug → what a single dose adds; ``*`` stands for any drug.
        table: drugs act by the table of effects on blood pressure and LDL (`treatment.layers`).
        lifestyle: what is changed → symbol.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    meals: Literal["stomach", "mouth"] | None = None
    drugs: dict[str, Taken] = Field(default_factory=dict)
    doses: dict[str, Given] = Field(default_factory=dict)
    table: bool = False
    lifestyle: dict[str, str] = Field(default_factory=dict)

    @property
    def words(self) -> str:
        """In words, for a refusal."""
        found = ["meals"] if self.meals else []
        found += [f"drugs ({', '.join(self.drugs)})"] if self.drugs else []
        found += [f"doses ({', '.join(self.doses).replace('*', 'any drug')})"] if self.doses else []
        found += ["the drugs of the table of effects"] if self.table else []
        found += [f"lifestyle ({', '.join(self.lifestyle)})"] if self.lifestyle else []
        return ", ".join([*found, "set"])


class Card(BaseModel):
    """What a model is and where it may be used.

    Attributes:
        outputs: reported symbol → unit.
        ranges: parameter → smallest and largest value for which the source vouches; outside is extrapolation.
        variants: name → parameter values, for instance another column of the paper's table.
        twin: parameter → what is known of a person (`simulation.people`), for instance ``BW: body_weight_kg``.
        variant_if: variant → the diagnosis with which a person has it.
        step: largest step of the cohort path, in the model's time unit. settle: see `vectorised.simulate`.
        spread: parameter → standard deviation of its logarithm between people, for what is not measured of a person.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    title: str
    source: str
    licence: str
    credibility: str
    time_unit: str
    outputs: dict[str, str]
    ranges: dict[str, tuple[float, float]] = Field(default_factory=dict)
    variants: dict[str, dict[str, float]] = Field(default_factory=dict)
    twin: dict[str, str] = Field(default_factory=dict)
    variant_if: dict[str, str] = Field(default_factory=dict)
    step: float = Field(gt=0)
    settle: float = 0.0
    spread: dict[str, float] = Field(default_factory=dict)
    takes: Takes = Takes()

    def extrapolated(self, values: Mapping[str, float]) -> list[str]:
        """Parameters outside the range for which the source vouches, each with the range."""
        return [
            f"{name} {values[name]:g} outside {low:g} to {high:g}"
            for name, (low, high) in self.ranges.items()
            if name in values and not low <= values[name] <= high
        ]


def names() -> list[str]:
    """Names of the authored models."""
    return sorted(path.stem for path in FOLDER.glob("*.ant"))


@cache
def card(name: str) -> Card:
    """What is known about a model.

    Raises:
        KeyError: no such model.
    """
    if name not in names():
        raise KeyError(f"no model {name!r}; there are {', '.join(names())}")
    return Card(name=name, **read_yaml(FOLDER / f"{name}.yaml"))


@cache
def sha256(name: str) -> str:
    """Identity of a model: digest of its Antimony text."""
    return hashlib.sha256((FOLDER / f"{card(name).name}.ant").read_bytes()).hexdigest()


@cache
def load(name: str) -> Model:
    """The model as SBML.

    Raises:
        KeyError: no such model.
        BadModel: the Antimony text is not right; the message has the line.
    """
    return from_antimony((FOLDER / f"{card(name).name}.ant").read_text(), name)


@cache
def compiled(name: str) -> Compiled:
    """The model as NumPy."""
    return compile_model(load(name))


def default(model: str, name: str) -> float:
    """A parameter's value where nothing else is known."""
    found = compiled(model)
    return found.defaults[found.constants.index(name)]


def from_antimony(text: str, name: str) -> Model:
    """Translate Antimony to SBML.

    Raises:
        BadModel: the text is not Antimony.
    """
    import antimony

    antimony.clearPreviousLoads()
    if antimony.loadAntimonyString(text) < 0:
        raise BadModel(f"{name}: {antimony.getLastError().strip()}")
    return parse(antimony.getSBMLString(antimony.getMainModuleName()), name)
