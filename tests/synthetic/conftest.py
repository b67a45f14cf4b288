"""One small population for all tests of this room."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from lake.settings import Settings
from synthetic import GenerateReport, generate

PEOPLE = 120


@pytest.fixture(scope="session")
def population(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of a home that holds a generated population."""
    settings = Settings(home=tmp_path_factory.mktemp("population"))
    report = generate(settings, people=PEOPLE)
    assert isinstance(report, GenerateReport)
    return settings


@pytest.fixture(scope="session")
def dirt(population: Settings) -> list[dict]:
    """The log of seeded defects."""
    return [orjson.loads(line) for line in (population.truth / "dirt.jsonl").read_bytes().splitlines()]


def tree(folder: Path) -> dict[str, bytes]:
    """Relative path to content of every file below a folder."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
