"""What is stale: each stage of the graph is done for a fingerprint of all that it depends on.

A change makes itself and all that follows from it stale. Nothing heavy is imported here: `twin status` and a second
`twin build` look here first.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lake import manifest, stages
from lake.settings import Settings
from orchestration import rooms

LANDING = "landing"
GENOME = "genome"
CORE = "core"
EXPORT = "export"
EQUATIONS = "equations"
SIMULATION = "simulation"
MARTS = "marts"
PUBLISH = "publish"


@dataclass(frozen=True)
class Stage:
    """One step, with the fingerprint it would be done for now."""

    name: str
    fingerprint: str
    is_done: bool


@dataclass(frozen=True)
class _Link:
    """A step: the digest of its own code and inputs, the steps before it, and what it must have left."""

    name: str
    own: str
    after: tuple[str, ...]
    outputs: tuple[Path, ...]


def models(task: str) -> str:
    """The stage that trains and scores a task."""
    return f"models-{task}"


def chain(settings: Settings) -> list[Stage]:
    """All stages in the order in which they run."""
    found: dict[str, Stage] = {}
    for link in _links(settings):
        before = [found[name] for name in link.after]
        wanted = stages.fingerprint(link.name, link.own, *(stage.fingerprint for stage in before))
        is_done = all(stage.is_done for stage in before) and stages.is_done(settings, link.name, wanted, link.outputs)
        found[link.name] = Stage(link.name, wanted, is_done)
    return list(found.values())


def _links(settings: Settings) -> list[_Link]:
    entries = manifest.entries(settings)
    genomes = manifest.digest(one for one in entries if one.format in rooms.formats_of("genomics"))
    trained = tuple(models(task) for task in rooms.tasks())
    landed = settings.derived / manifest.LANDING_FILE.name / "all.parquet"
    return [
        _Link(LANDING, manifest.digest(entries), (), (landed,)),
        _Link(GENOME, stages.fingerprint(genomes, code("genomics")), (), ()),
        _Link(CORE, code("transform"), (LANDING, GENOME), (settings.warehouse,)),
        _Link(EXPORT, code("lake"), (CORE,), (settings.core,)),
        *(_Link(name, code("ml"), (EXPORT,), ()) for name in (EQUATIONS, *trained)),
        _Link(SIMULATION, code("simulation"), (EXPORT, *trained), ()),
        _Link(MARTS, code("transform"), (CORE, EQUATIONS, *trained, SIMULATION), (settings.warehouse,)),
        _Link(PUBLISH, code("lake"), (MARTS,), (settings.snapshot, settings.snapshot_deid)),
    ]


def stale(settings: Settings) -> list[Stage]:
    """The stages that would do work now."""
    return [stage for stage in chain(settings) if not stage.is_done]


@contextmanager
def running(settings: Settings, name: str, whole: bool = True) -> Iterator[None]:
    """Run a stage's work; it is done for what it depended on when it started, and only if nothing raised.

    Args:
        whole: False if only a part of the stage runs: then it stays as it was.
    """
    wanted = _wanted(settings, name)
    yield
    if whole:
        stages.done(settings, name, wanted)


def _wanted(settings: Settings, name: str) -> str:
    return next(stage.fingerprint for stage in chain(settings) if stage.name == name)


@cache
def code(room: str) -> str:
    """Digest of a room's code; read once a process, as the code itself is."""
    return stages.code_digest(rooms.folder(room))
