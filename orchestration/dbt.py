"""dbt in this process: the parsed manifest, and builds of parts of the project."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lake.files import replacing
from lake.settings import Settings
from orchestration import staleness

ABOUT_CODE = ("Binder Error", "Catalog Error", "Parser Error", "Compilation Error", "IO Error")
"""Errors whose text is about columns and files; others quote the values that they stumble over."""

QUIETLY = ("--no-version-check", "--log-level", "none", "--log-level-file", "info")
"""What fails is in the results; dbt's own lines quote values, and each costs more the more places it is written to."""

PASSED = frozenset({"success", "pass", "warn", "no-op"})


@dataclass(frozen=True)
class NodeResult:
    """What became of one model, seed or test. ``problem`` is safe to show: it never quotes a value."""

    unique_id: str
    status: str
    seconds: float
    failures: int | None
    problem: str = ""

    @property
    def passed(self) -> bool:
        """Built, or the test holds (a warning passes); exposures have nothing to do."""
        return self.status in PASSED


def target(settings: Settings) -> Path:
    """Where dbt keeps its manifest and parse cache."""
    return settings.home / "build" / "dbt"


def manifest_path(settings: Settings) -> Path:
    """The parsed project; parsed now if it is missing or the project has changed since.

    Raises:
        RuntimeError: the project cannot be parsed.
    """
    path = target(settings) / "manifest.json"
    stamp = target(settings) / "manifest.code"
    wanted = staleness.code("transform")
    if not (path.exists() and stamp.exists() and stamp.read_text() == wanted):
        # what dbt kept of another version of the project misleads it: a new model that calls a new macro had no parents
        outcome = _invoke(settings, ["parse", "--no-partial-parse"])
        if not outcome.success:
            raise RuntimeError(f"dbt cannot parse {settings.transform}: {outcome.exception}")
        with replacing(stamp) as draft:
            draft.write_text(wanted)
    return path


def build(settings: Settings, selection: Sequence[str]) -> list[NodeResult]:
    """Build and test the selected nodes, in dependency order; waits for the warehouse's lock.

    Args:
        selection: dbt arguments, such as ``["--exclude", "tag:after_models"]``.

    Raises:
        RuntimeError: dbt could not start; failing nodes do not raise, they are in the result.
    """
    settings.warehouse.parent.mkdir(parents=True, exist_ok=True)
    # the manifest was written when the project was parsed; writing it again costs seconds
    outcome = _invoke(settings, ["build", "--no-write-json", "--exclude-resource-type", "unit_test", *selection])
    if outcome.result is None:
        raise RuntimeError(f"dbt build did not run: {type(outcome.exception).__name__}: {outcome.exception}")
    return [
        NodeResult(
            one.node.unique_id, str(one.status.value), one.execution_time, one.failures, _problem(one.message or "")
        )
        for one in outcome.result.results
    ]


def build_or_fail(settings: Settings, selection: Sequence[str]) -> None:
    """As ``build``, for those who need all of it.

    Raises:
        RuntimeError: dbt could not start, or a node could not be built.
    """
    if failed := [one for one in build(settings, selection) if not one.passed]:
        raise RuntimeError(f"dbt could not build {failed[0].unique_id}: {failed[0].problem}")


def docs(settings: Settings, page: Path) -> Path:
    """Write the documentation of the project and of the tables of the build file as one HTML page.

    Raises:
        RuntimeError: dbt could not describe the warehouse.
    """
    outcome = _invoke(settings, ["docs", "generate", "--static"])
    if not outcome.success:
        raise RuntimeError(f"dbt docs failed: {outcome.exception}")
    with replacing(page) as draft:
        shutil.copyfile(target(settings) / "static_index.html", draft)
    return page


def _problem(message: str) -> str:
    """The line that names the error: whole if it is about the code, only its kind if it may quote data."""
    lines = [line.strip() for line in message.splitlines()]
    named = next((line for line in lines if " Error: " in line), "")
    return named if named.startswith(ABOUT_CODE) else named.split(":", 1)[0]


def _invoke(settings: Settings, arguments: list[str]) -> Any:
    from dbt.cli.main import dbtRunner

    folder = target(settings)
    folder.mkdir(parents=True, exist_ok=True)
    where = {
        "--project-dir": settings.transform,
        "--profiles-dir": settings.transform,
        "--target-path": folder,
        "--log-path": folder / "logs",
    }
    paths = [word for option, path in where.items() for word in (option, str(path))]
    try:
        with _home(settings):
            return dbtRunner().invoke([*QUIETLY, *arguments, *paths])
    finally:
        release()


def release() -> None:
    """Close the warehouse. dbt keeps it open between nodes, and nobody else could open it when dbt has returned."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.adapters.factory import cleanup_connections

    cleanup_connections()
    with suppress(Exception):  # dbt never opened it
        DuckDBConnectionManager.env().close()
    DuckDBConnectionManager.close_all_connections()


@contextmanager
def _home(settings: Settings) -> Iterator[None]:
    """The project finds the lake through the environment."""
    before = os.environ.get("TWIN_HOME")
    os.environ["TWIN_HOME"] = str(settings.home)
    try:
        yield
    finally:
        if before is None:
            del os.environ["TWIN_HOME"]
        else:
            os.environ["TWIN_HOME"] = before
