"""Fixtures that every room's tests may use."""

from __future__ import annotations

from pathlib import Path

import pytest

import tests.guard.sitecustomize  # noqa: F401  (from here on the network is closed)
from lake.settings import Settings

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real and official data beside the checkout; it is never part of the project."""
    if not SHARED_DATA.is_dir():
        pytest.skip("real test data (../shared/data) is not beside this checkout")
    return SHARED_DATA


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings with an empty, private home."""
    return Settings(home=tmp_path / "twin_home", threads=2)
