"""The platform as its users run it: through the `twin` command, in processes of its own, with the network closed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pytest

from lake.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
GUARD = ROOT / "tests" / "guard"


@dataclass(frozen=True)
class Twin:
    """A home and the `twin` command on it."""

    home: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        return Settings(home=self.home, threads=2)

    @property
    def variables(self) -> dict[str, str]:
        path = os.pathsep.join([str(GUARD), str(ROOT)])
        return {**os.environ, "TWIN_HOME": str(self.home), "PYTHONPATH": path, **self.environment}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command and let it run, in a process group of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "orchestration.cli", *arguments],
            env=self.variables,
            cwd=self.home.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def __call__(self, *arguments: str, status: int = 0) -> str:
        """Run a command to its end and return what it printed; its exit status must be as expected."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=600)
        assert process.returncode == status, f"twin {' '.join(arguments)} → {process.returncode}\n{out}\n{err}"
        return out

    def json(self, *arguments: str, status: int = 0) -> Any:
        """Run a command with --json and return what it says."""
        return json.loads(self(*arguments, "--json", status=status))

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Query the published snapshot."""
        with duckdb.connect(str(self.settings.snapshot), read_only=True) as connection:
            return connection.execute(query).fetchall()

    def truth(self, query: str) -> list[tuple[Any, ...]]:
        """Query the published snapshot together with the planted truth: `{truth}` in the query is its folder."""
        with duckdb.connect(str(self.settings.snapshot), read_only=True) as connection:
            return connection.execute(query.replace("{truth}", str(self.settings.truth))).fetchall()


@pytest.fixture(scope="session")
def new_twin(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Twin]:
    """Make a twin with an empty home of its own."""
    return lambda **environment: Twin(tmp_path_factory.mktemp("home") / "twin_home", environment)


@pytest.fixture(scope="session")
def demo(new_twin: Callable[..., Twin]) -> Twin:
    """The demo of the README, built once: 400 people."""
    twin = new_twin()
    twin("demo", "--people", "400")
    return twin
