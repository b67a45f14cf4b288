"""Record linkage on the FEBRL data sets 1 to 3 (Christen 2008; the record ids hold the truth)."""

from __future__ import annotations

import gzip
from itertools import combinations
from pathlib import Path

import pytest

from orchestration.linkage import Linkage, NotPeople, link

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def febrl(shared_data: Path) -> Path:
    return shared_data / "ehr" / "identity_febrl"


def entity(key: str) -> str:
    """``rec-12-org`` and ``rec-12-dup-3`` are one person."""
    return key.split("-")[1]


def linked(found: Linkage) -> set[tuple[str, str]]:
    return {tuple(sorted((one.left_key, one.right_key))) for one in found.pairs if one.decision == "auto_link"}  # type: ignore[misc]


@pytest.mark.parametrize("number", [1, 2, 3])
def test_precision_and_recall(number: int, febrl: Path) -> None:
    path = febrl / f"dataset{number}.csv.gz"
    found = link([path])
    keys = records(path)
    true = {pair for pair in combinations(sorted(keys), 2) if entity(pair[0]) == entity(pair[1])}
    pairs = linked(found)
    assert found.files[0].records == len(keys)
    assert len(pairs & true) / len(pairs) >= 0.999
    assert len(pairs & true) / len(true) >= 0.99


def test_two_files(tmp_path: Path, febrl: Path) -> None:
    """Originals in one file, duplicates in the other: as FEBRL 4 is made."""
    lines = lines_of(febrl / "dataset1.csv.gz")
    for name, kind in (("hospital.csv", "org"), ("registry.csv", "dup")):
        (tmp_path / name).write_text("\n".join([lines[0], *(one for one in lines[1:] if kind in one.split(",")[0])]))
    found = link([tmp_path / "hospital.csv", tmp_path / "registry.csv"])
    pairs = linked(found)
    assert sum(entity(a) == entity(b) for a, b in pairs) >= 495
    assert all(entity(a) == entity(b) for a, b in pairs)
    assert {(one.left_file, one.right_file) for one in found.pairs} <= {
        ("hospital.csv", "registry.csv"),
        ("registry.csv", "hospital.csv"),
    }


def test_not_people(tmp_path: Path) -> None:
    (tmp_path / "labs.csv").write_text("code,value\n2345-7,5.4\n")
    with pytest.raises(NotPeople, match=r"labs\.csv"):
        link([tmp_path / "labs.csv"])


def records(path: Path) -> set[str]:
    return {line.split(",")[0].strip() for line in lines_of(path)[1:] if line.strip()}


def lines_of(path: Path) -> list[str]:
    with gzip.open(path, "rt") as file:
        return file.read().splitlines()
