"""The arrows between rooms: who may import whom (README, "The rooms")."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
KERNEL = "lake"
DOMAINS = ("ehr", "wearables", "genomics", "ml", "simulation", "synthetic")
TOP = "orchestration"
ROOMS = (KERNEL, *DOMAINS, TOP)
ONLY_IN_TOP = {"dagster", "dagster_dbt", "dbt", "typer"}


def imports(file: Path) -> set[str]:
    """Names of the top packages that a file imports, wherever the import stands."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: write imports from the top package"
            found.add((node.module or "").split(".")[0])
    return found


def files(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


@pytest.mark.parametrize("room", [room for room in ROOMS if (ROOT / room).is_dir()])
def test_a_room_imports_only_what_the_arrows_allow(room: str) -> None:
    allowed = {room} if room == KERNEL else {room, KERNEL} if room in DOMAINS else set(ROOMS)
    for file in files(room):
        used = imports(file)
        wrong = (used & set(ROOMS)) - allowed | (used & {"tests"})
        if room != TOP:
            wrong |= used & ONLY_IN_TOP
        assert not wrong, f"{file.relative_to(ROOT)} imports {sorted(wrong)}"


@pytest.mark.parametrize("room", [room for room in ROOMS if (ROOT / room).is_dir()])
def test_a_room_says_what_it_is(room: str) -> None:
    docstring = ast.get_docstring(ast.parse((ROOT / room / "__init__.py").read_text()))
    assert docstring is not None
    assert len(docstring) > 80


def test_only_tests_and_the_generator_know_the_truth_folder() -> None:
    for room in (*DOMAINS, TOP):
        if room == "synthetic":
            continue
        for file in files(room):
            assert "settings.truth" not in file.read_text(), f"{file.relative_to(ROOT)} reads the planted truth"
