"""The same files give the same published tables: landed twice, in another order, or after a kill at any point."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lake.publish import content_hash
from tests.end_to_end.conftest import Twin

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("rebuild")]

PEOPLE = "40"


@pytest.fixture(scope="module")
def small(new_twin: Callable[..., Twin]) -> Twin:
    twin = new_twin()
    twin("synth", "--people", PEOPLE)
    twin("build")
    return twin


@pytest.fixture(scope="module")
def expected(small: Twin) -> dict[str, str]:
    return content_hash(small.settings.snapshot)


def delivered(small: Twin) -> list[Path]:
    return sorted(path for path in small.settings.landing.rglob("*") if path.is_file())


def put(small: Twin, twin: Twin, paths: list[Path]) -> None:
    for path in paths:
        target = twin.settings.landing / path.relative_to(small.settings.landing)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


def differences(found: dict[str, str], expected: dict[str, str]) -> set[str]:
    return {table for table in found.keys() | expected.keys() if found.get(table) != expected.get(table)}


def test_landing_the_same_files_again_changes_nothing(small: Twin, expected: dict[str, str]) -> None:
    for path in delivered(small)[:50]:
        again = path.with_name(f"again-{path.name}")
        shutil.copyfile(path, again)
    modified = small.settings.snapshot.stat().st_mtime_ns
    small("build")
    assert small.settings.snapshot.stat().st_mtime_ns == modified, "nothing was stale, so nothing is published"
    assert not differences(content_hash(small.settings.snapshot), expected)


def test_the_order_of_arrival_does_not_matter(
    small: Twin, expected: dict[str, str], new_twin: Callable[..., Twin]
) -> None:
    paths = [path for path in delivered(small) if not path.name.startswith("again-")]
    random.Random(7).shuffle(paths)
    twin = new_twin()
    middle = len(paths) // 2
    for part in (paths[:middle], paths[middle:]):
        put(small, twin, part)
        twin("build")
    assert not differences(content_hash(twin.settings.snapshot), expected)


def test_a_killed_build_leaves_nothing_behind(
    small: Twin, expected: dict[str, str], new_twin: Callable[..., Twin]
) -> None:
    twin = new_twin()
    put(small, twin, [path for path in delivered(small) if not path.name.startswith("again-")])
    chance = random.Random(11)
    for _ in range(5):
        process = twin.start("build")
        time.sleep(chance.uniform(3, 25))
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if twin.settings.snapshot.exists():
            assert not differences(content_hash(twin.settings.snapshot), expected), "a snapshot is whole or absent"
    twin("build")
    assert not differences(content_hash(twin.settings.snapshot), expected)
    leftovers = [path for path in twin.settings.published.rglob("*") if path.name.startswith(".")]
    assert not leftovers
