"""The project as a whole: it builds on empty tables, and every staging model keeps its canonical shape."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def empty_home(new_home):
    home = new_home()
    home.dbt("build", "--exclude-resource-type", "unit_test")
    return home


def test_builds_when_nothing_has_landed(empty_home):
    assert empty_home.query("select count(*) from information_schema.tables where table_schema = 'staging'")[0][0] > 0
