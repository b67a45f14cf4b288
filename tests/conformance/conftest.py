"""The MIMIC-IV demo, landed once per worker for all tests that begin with its raw tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from ehr.extract.reader import READERS
from lake.ingest import ingest
from lake.landing import describe
from lake.manifest import Entry
from lake.settings import Settings

Landed = tuple[Settings, dict[str, Entry]]


@pytest.fixture(scope="session")
def mimic_landed(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Landed:
    """Settings of the home, and the manifest entry of each published table. Tests leave its raw tables as they are."""
    settings = Settings(home=tmp_path_factory.mktemp("mimic"), threads=2)
    landed = []
    for path in sorted((shared_data / "ehr" / "mimic_iv_demo_2.2").glob("*/*.csv.gz")):
        target = settings.landing / "mimic" / path.parent.name / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(path)
        landed.append(describe(settings, target))
    entries = ingest(settings, READERS, {}, landed)
    return settings, {Path(one.path).name.removesuffix(".csv.gz"): one for one in entries}
