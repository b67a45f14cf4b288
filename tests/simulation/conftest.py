"""What the tests of the simulations share."""

from __future__ import annotations

import pytest

pytest.importorskip("roadrunner", reason="the optional extra 'simulation' is not installed")
