"""What the domain rooms hand out, collected: readers, tables and contracts."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType

from lake.contracts import Contracts, load
from lake.dq import TABLES as DQ_TABLES
from lake.manifest import TABLES as MANIFEST_TABLES
from lake.reader import Reader
from lake.settings import PROJECT_DIR, Settings
from lake.tables import Table

READER_ROOMS: tuple[str, ...] = ("ehr", "wearables", "genomics")
"""Rooms with ``<room>.readers.READERS`` and ``<room>.tables.TABLES``, in the order in which readers are asked."""

RESULT_ROOMS: tuple[str, ...] = ("genomics", "ml", "simulation")
"""Rooms that compute: ``<room>.tables.DERIVED``."""


@cache
def readers() -> tuple[Reader, ...]:
    """Every format that can be landed, in the order in which they are asked whether a file is theirs."""
    return tuple(reader for room in READER_ROOMS for reader in readers_of(room))


def readers_of(room: str) -> tuple[Reader, ...]:
    """The formats of one room."""
    return tuple(_module(room, "readers").READERS)


@cache
def formats_of(room: str) -> frozenset[str]:
    """Names of the formats of one room."""
    return frozenset(reader.name for reader in readers_of(room))


@cache
def tasks() -> tuple[str, ...]:
    """Names of the prediction tasks that every build trains and scores."""
    from ml.task import built

    return tuple(built())


@cache
def raw_tables() -> tuple[Table, ...]:
    """Every raw table, of all rooms."""
    return tuple(table for room in READER_ROOMS for table in _module(room, "tables").TABLES)


@cache
def derived_tables() -> tuple[Table, ...]:
    """Every table that Python computes: what arrived, and the results of the rooms."""
    return (
        *MANIFEST_TABLES,
        *DQ_TABLES,
        *(table for room in RESULT_ROOMS for table in _module(room, "tables").DERIVED),
    )


@cache
def contracts() -> Contracts:
    """The contracts of all raw tables."""
    return load(sorted(path for room in READER_ROOMS for path in folder(room).rglob("contracts.yaml")))


def ensure_typed_files(settings: Settings) -> None:
    """Give every table a typed empty file, so that a platform with a single source still builds."""
    from lake.derived import ensure_empty

    ensure_empty(settings, raw_tables(), derived_tables())


def folder(room: str) -> Path:
    """Where a room's code lies."""
    return PROJECT_DIR / room


def _module(room: str, name: str) -> ModuleType:
    return import_module(f"{room}.{name}")
