"""The authored models: Antimony text beside a YAML with source, licence, ranges and variants."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field

from simulation.engine.generate import Compiled, compile_model
from simulation.engine.sbml import BadModel, Model, parse

FOLDER = Path(__file__).parent


class Card(BaseModel):
    """What a model is and where it may be used.

    Attributes:
        outputs: reported symbol → unit.
        ranges: parameter → smallest and largest value for which the source vouches; outside is extrapolation.
        variants: name → parameter values, for instance another column of the paper's table.
        twin: parameter → what is known of a person (`simulation.people`), for instance ``BW: body_weight_kg``.
        variant_if: variant → the diagnosis with which a person has it.
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
    return Card(name=name, **yaml.safe_load((FOLDER / f"{name}.yaml").read_text()))


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
