"""DuckDB: how it is opened everywhere, the one writer of the build file, and the atomic publish of snapshots."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from lake.settings import Settings

RESEARCH_USE = "research use, not for care"


class Busy(Exception):
    """Another process holds the build file for longer than we were willing to wait."""


def _configuration(settings: Settings) -> dict[str, str | bool | int | float | list[str]]:
    options: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    if settings.threads:
        options["threads"] = settings.threads
    if settings.memory_limit:
        options["memory_limit"] = settings.memory_limit
    return options


def memory(settings: Settings, scratch: Path | None = None) -> duckdb.DuckDBPyConnection:
    """Open an in-memory DuckDB in UTC that never installs or loads extensions from outside."""
    options = _configuration(settings)
    if scratch is not None:
        options["temp_directory"] = str(scratch)
    connection = duckdb.connect(":memory:", config=options)
    connection.execute("set timezone = 'UTC'")
    return connection


@contextmanager
def writing(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the build file for writing, waiting for its lock; closes it whatever happens.

    The kernel's file lock is the only mutex: it dies with its process, so a killed build leaves nothing behind.

    Raises:
        Busy: another process kept the lock longer than ``settings.lock_wait_seconds``.
    """
    settings.warehouse.parent.mkdir(parents=True, exist_ok=True)
    connection = _connect_waiting(settings)
    try:
        connection.execute("set timezone = 'UTC'")
        yield connection
    finally:
        connection.close()


def _connect_waiting(settings: Settings) -> duckdb.DuckDBPyConnection:
    deadline = time.monotonic() + settings.lock_wait_seconds
    while True:
        try:
            return duckdb.connect(str(settings.warehouse), config=_configuration(settings))
        except duckdb.IOException as error:
            if "lock" not in str(error).lower():
                raise
            if time.monotonic() > deadline:
                raise Busy(
                    f"the build file is held by another process for more than {settings.lock_wait_seconds:.0f} s"
                ) from None
            time.sleep(0.2)


def require_snapshot(path: Path) -> Path:
    """Return the path of a snapshot that is there.

    Raises:
        FileNotFoundError: nothing has been published there yet.
    """
    if not path.exists():
        raise FileNotFoundError(f"no snapshot at {path}; run `twin build` first")
    return path


@contextmanager
def reading(settings: Settings, snapshot: Path | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a published snapshot read-only.

    Raises:
        FileNotFoundError: nothing has been published yet.
    """
    path = require_snapshot(snapshot or settings.snapshot)
    connection = duckdb.connect(str(path), read_only=True, config=_configuration(settings))
    try:
        connection.execute("set timezone = 'UTC'")
        yield connection
    finally:
        connection.close()
