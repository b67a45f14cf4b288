"""A private home for what runs through the environment: the definitions and the command line."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lake.settings import Settings


@pytest.fixture(scope="session", autouse=True)
def session_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Definitions parse dbt into the home at import: no test may do that in the checkout."""
    before = os.environ.get("TWIN_HOME")
    home = tmp_path_factory.mktemp("session") / "twin_home"
    os.environ["TWIN_HOME"] = str(home)
    yield home
    if before is None:
        del os.environ["TWIN_HOME"]
    else:
        os.environ["TWIN_HOME"] = before


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An empty home that commands find through the environment."""
    monkeypatch.setenv("TWIN_HOME", str(tmp_path / "twin_home"))
    return Settings()
