"""What is stale: each stage of the graph is done for a fingerprint of all that it depends on.

The stages form a chain from what has landed to what is published, so a change makes itself and all that follows
stale. Nothing heavy is imported here: `twin status` and a second `twin build` look here first.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

from lake import manifest, stages
from lake.settings import Settings
from orchestration import rooms

LANDING = "landing"
CORE = "core"
MARTS = "marts"
PUBLISH = "publish"


@dataclass(frozen=True)
class Stage:
    """One step of the chain, with the fingerprint it would be done for now."""

    name: str
    fingerprint: str
    is_done: bool


def chain(settings: Settings) -> list[Stage]:
    """All stages in the order in which they run."""
    transform = code("transform")
    landed = manifest.digest(manifest.entries(settings))
    links = [
        (LANDING, landed, [settings.derived / manifest.LANDING_FILE.name / "all.parquet"]),
        (CORE, transform, [settings.warehouse]),
        (MARTS, transform, [settings.warehouse]),
        (PUBLISH, code("lake"), [settings.snapshot]),
    ]
    found: list[Stage] = []
    upstream = ""
    stale = False
    for name, own, outputs in links:
        upstream = stages.fingerprint(name, own, upstream)
        stale = stale or not stages.is_done(settings, name, upstream, outputs)
        found.append(Stage(name, upstream, not stale))
    return found


def stale(settings: Settings) -> list[Stage]:
    """The stages that would do work now."""
    return [stage for stage in chain(settings) if not stage.is_done]


@contextmanager
def running(settings: Settings, name: str) -> Iterator[None]:
    """Run a stage's work; it is done for what it depended on when it started, and only if nothing raised."""
    wanted = _wanted(settings, name)
    yield
    stages.done(settings, name, wanted)


def finished(settings: Settings, name: str) -> None:
    """Record a stage as done for what it depends on now."""
    stages.done(settings, name, _wanted(settings, name))


def _wanted(settings: Settings, name: str) -> str:
    return next(stage.fingerprint for stage in chain(settings) if stage.name == name)


@cache
def code(room: str) -> str:
    """Digest of a room's code; read once a process, as the code itself is."""
    return stages.code_digest(rooms.folder(room))
