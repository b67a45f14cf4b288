"""The alarm rules that are declared, and how a file of rules is read."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from pydantic import TypeAdapter

from lake.files import read_yaml
from wearables.monitor.events import Desaturation, Orthostatic, ScoreRule, Silence
from wearables.monitor.levels import Burden, Threshold
from wearables.monitor.nights import Cusum, Deviation, NightSignal

AnyRule = Threshold | Burden | NightSignal | Deviation | Cusum | Silence | ScoreRule | Desaturation | Orthostatic


@cache
def declared() -> tuple[AnyRule, ...]:
    """The rules of ``rules.yaml``."""
    return load(Path(__file__).with_name("rules.yaml"))


def load(path: Path) -> tuple[AnyRule, ...]:
    """The rules of a file of the same form.

    Raises:
        ValueError: it does not have that form, or two rules have the same name.
    """
    found = TypeAdapter(list[AnyRule]).validate_python(read_yaml(path))
    names = [one.rule for one in found]
    if len(set(names)) != len(names):
        raise ValueError(f"{path.name}: two rules have the same name")
    return tuple(found)
