"""The same files give the same published tables: landed twice, in another order, in part, or after a kill."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from lake.publish import content_hash
from tests.end_to_end.conftest import Twin

pytestmark = pytest.mark.slow

PEOPLE = "30"
EARLY = (("taking in", 3.0), ("dbt_core", 12.0))
LATE = (("published snapshot", 2.0),)
"""After which words of the progress a build is killed, and within how many seconds of them."""


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
    paths = sorted(path for path in small.settings.landing.rglob("*") if path.is_file())
    return [path for path in paths if not path.name.startswith("again-")]


def put(small: Twin, twin: Twin, paths: list[Path]) -> None:
    for path in paths:
        target = twin.settings.landing / path.relative_to(small.settings.landing)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)


def few(paths: list[Path]) -> list[Path]:
    """Files with a tenth of the bytes: few enough that a build takes them in as an increment."""
    most = sum(path.stat().st_size for path in paths) / 10
    found: list[Path] = []
    for path in paths:
        if path.suffix in (".ndjson", ".csv") and path.stat().st_size <= most:
            found.append(path)
            most -= path.stat().st_size
    return found


def differences(found: dict[str, str], expected: dict[str, str]) -> set[str]:
    return {table for table in found.keys() | expected.keys() if found.get(table) != expected.get(table)}


def killed(twin: Twin, word: str, within: float) -> bool:
    """Start a build and kill it, with all its children, within some seconds after it said a word."""
    process = twin.start("build")
    assert process.stderr is not None
    for line in process.stderr:
        if word in line:
            time.sleep(random.Random(word).uniform(0, within))
            break
    was_running = process.poll() is None
    if was_running:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    return was_running


def test_landing_the_same_files_again_changes_nothing(small: Twin, expected: dict[str, str]) -> None:
    for path in delivered(small)[:50]:
        again = path.with_name(f"again-{path.name}")
        shutil.copyfile(path, again)
    modified = small.settings.snapshot.stat().st_mtime_ns
    small("build")
    assert small.settings.snapshot.stat().st_mtime_ns == modified, "nothing was stale, so nothing is published"
    assert not differences(content_hash(small.settings.snapshot), expected)


def test_neither_order_nor_kills_nor_readers_change_what_is_published(
    small: Twin, expected: dict[str, str], new_twin: Callable[..., Twin]
) -> None:
    paths = delivered(small)
    random.Random(7).shuffle(paths)
    late = few(paths)
    paths = [path for path in paths if path not in late]
    half = len(paths) // 2
    twin = new_twin()
    put(small, twin, paths[:half])
    for word, within in EARLY:
        assert killed(twin, word, within), f"the build ended before it said {word!r}"
        assert not twin.settings.snapshot.exists()
    twin("build")
    first = content_hash(twin.settings.snapshot)
    assert differences(first, expected)

    with duckdb.connect(str(twin.settings.snapshot), read_only=True) as reader:
        people = reader.execute("select count(*) from core.twin_person").fetchall()
        put(small, twin, paths[half:])
        for word, within in LATE:
            assert killed(twin, word, within), f"the build ended before it said {word!r}"
            now = content_hash(twin.settings.snapshot)
            assert not differences(now, first) or not differences(now, expected), "a snapshot is the old or the new one"
        twin("build")
        assert reader.execute("select count(*) from core.twin_person").fetchall() == people, "an open one stays"

    put(small, twin, late)
    twin("build")
    with duckdb.connect(str(twin.settings.warehouse), read_only=True) as warehouse:
        touched = warehouse.execute("select count(*) from intermediate.int_identity__touched").fetchall()
    assert touched > [(0,)], "a whole build touches nobody"
    assert not differences(content_hash(twin.settings.snapshot), expected)
    assert not [path for path in twin.settings.published.rglob("*") if path.name.startswith(".")]
