"""What the tests of the simulations share."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True, scope="session")
def engines() -> None:
    """Skip where the optional extra is missing; nothing of it is imported before a test runs."""
    pytest.importorskip("roadrunner", reason="the optional extra 'simulation' is not installed")
