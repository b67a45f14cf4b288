"""The resident monitor: nothing lost, nothing twice, whatever happens to it."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lake.settings import PROJECT_DIR, Settings
from wearables.monitor import watch as watching
from wearables.monitor.rule import Alarm
from wearables.monitor.store import Store
from wearables.monitor.watch import Places, watch

RUN = """
import sys
from pathlib import Path
from lake.settings import Settings
from wearables.monitor.watch import Places, watch
watch(Places.of(Settings(home=Path(sys.argv[1]))), lambda alarm: None, once=True)
"""


def batches(folder: Path, count: int, seed: int = 1) -> None:
    """Files of readings of a few people; some repeat earlier ones, some repeat whole files, some lines are broken."""
    folder.mkdir(parents=True)
    chance = random.Random(seed)
    start = datetime(2024, 3, 1, tzinfo=UTC)
    before: list[bytes] = []
    for number in range(count):
        lines = []
        for person in range(3):
            at = (start + timedelta(minutes=5 * number, seconds=person)).isoformat()
            level = 60 if (number // 7 + person) % 5 == 0 else 110
            row = {"person": f"P{person}", "metric": "glucose", "at": at, "value": level + number % 7, "unit": "mg/dL"}
            lines.append(json.dumps(row).encode())
            rate = {"person": f"P{person}", "metric": "heart_rate", "at": at, "value": 60 + number % 5, "unit": "bpm"}
            lines.append(json.dumps(rate).encode())
        if chance.random() < 0.1 and before:
            lines += chance.choice(before).splitlines()[:2]
        if chance.random() < 0.05:
            lines.append(b"{broken")
        content = chance.choice(before) if chance.random() < 0.05 and before else b"\n".join(lines)
        before = [*before[-20:], content]
        path = folder / f"{number:06}.ndjson"
        path.write_bytes(content)
        os.utime(path, (1_800_000_000 + number, 1_800_000_000 + number))


def content(places: Places) -> dict[str, list[dict[str, Any]]]:
    """Everything that the monitor knows, without the clock's own stamps."""
    store = Store(places.store)
    found = {
        table: [{key: value for key, value in row.items() if key != "committed_at"} for row in store.rows(table)]
        for table in ("taken", "rejected", "reading", "state", "seen", "alarm")
    }
    store.close()
    return found


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, list[dict[str, Any]]]]:
    """A folder of files, and what an undisturbed monitor makes of it."""
    home = tmp_path_factory.mktemp("undisturbed")
    batches(home / "files", 150)
    places = Places.of(Settings(home=home / "home"))
    shutil.copytree(home / "files", places.incoming)
    assert watch(places, lambda _: None, once=True) == 150
    return home / "files", content(places)


def test_what_it_takes_in(undisturbed: tuple[Path, dict[str, list[dict[str, Any]]]]) -> None:
    files, found = undisturbed
    assert len(found["taken"]) == len({path.read_bytes() for path in files.iterdir()})
    lines = {line for path in files.iterdir() for line in path.read_bytes().splitlines() if line != b"{broken"}
    assert len(found["reading"]) == len(lines)
    assert {row["rule"] for row in found["alarm"]} >= {"glucose_below_70"}
    assert found["rejected"]


class Killed(BaseException):
    """What a kill looks like from inside: nothing that follows is run."""


@pytest.mark.parametrize("step", ["parse", "take_in", "_save_states", "has", "rename"])
def test_a_kill_at_any_step_loses_and_repeats_nothing(
    undisturbed: tuple[Path, dict[str, list[dict[str, Any]]]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:
    """The monitor dies before and after the step, again and again, and is started again."""
    files, expected = undisturbed
    places = Places.of(Settings(home=tmp_path))
    shutil.copytree(files, places.incoming)
    monkeypatch.setattr(watching, "MOST_FILES", 10)
    owner: Any = {"parse": watching, "rename": Path}.get(step, Store)
    original = getattr(owner, step)
    chance = random.Random(step)
    deaths = 0

    def deadly(*arguments: Any, **named: Any) -> Any:
        nonlocal deaths
        moment = chance.random()
        rarity = 0.01 if step in ("parse", "has", "rename") else 0.3
        if moment < rarity:
            deaths += 1
            raise Killed
        result = original(*arguments, **named)
        if moment > 1 - rarity:
            deaths += 1
            raise Killed
        return result

    monkeypatch.setattr(owner, step, deadly)
    while True:
        try:
            watch(places, lambda _: None, once=True)
            break
        except Killed:
            assert deaths < 1000
    monkeypatch.undo()
    assert deaths > 0
    assert content(places) == expected
    assert not list(places.incoming.iterdir())


def test_order_of_arrival_does_not_matter_for_readings(
    undisturbed: tuple[Path, dict[str, list[dict[str, Any]]]], tmp_path: Path
) -> None:
    files, expected = undisturbed
    places = Places.of(Settings(home=tmp_path))
    shutil.copytree(files, places.incoming)
    names = sorted(places.incoming.iterdir())
    random.Random(1).shuffle(names)
    for number, path in enumerate(names):
        os.utime(path, (1_800_000_000 + number, 1_800_000_000 + number))
    watch(places, lambda _: None, once=True)
    found = content(places)
    assert [row["key"] for row in found["reading"]] == [row["key"] for row in expected["reading"]]
    assert sum(row["is_late"] for row in found["reading"]) > 10
    assert sum(row["is_late"] for row in expected["reading"]) == 0


def test_alarms_come_while_it_watches(tmp_path: Path) -> None:
    """A file that appears is committed and told; unfinished files are left alone."""
    places = Places.of(Settings(home=tmp_path))
    told: list[tuple[Alarm, float]] = []
    stop = threading.Event()
    worker = threading.Thread(
        target=watch, args=(places, lambda alarm: told.append((alarm, time.time()))), kwargs={"until": stop.is_set}
    )
    places.incoming.mkdir(parents=True)
    (places.incoming / "later.ndjson.part").write_text("{half")
    worker.start()
    now = datetime.now(UTC)
    rows = [
        {
            "person": "P",
            "metric": "glucose",
            "at": (now - timedelta(minutes=5 * n)).isoformat(),
            "value": 50,
            "unit": "mg/dL",
        }
        for n in range(5)
    ]
    draft = places.incoming / "now.ndjson.part"
    draft.write_text("\n".join(json.dumps(row) for row in rows))
    draft.rename(places.incoming / "now.ndjson")
    deadline = time.monotonic() + 60
    while len(told) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    stop.set()
    worker.join()
    assert [alarm.rule for alarm, _ in told] == ["glucose_below_70", "glucose_below_54"]
    assert [path.name for path in places.incoming.iterdir()] == ["later.ndjson.part"]
    assert [path.name for path in places.taken.iterdir()] == ["now.ndjson"]


@pytest.mark.slow
def test_ten_thousand_files_and_many_real_kills(tmp_path: Path) -> None:
    """kill -9 at random moments, until all 10,000 files are in."""
    batches(tmp_path / "files", 10_000)
    homes = [tmp_path / "calm", tmp_path / "killed"]
    for home in homes:
        shutil.copytree(tmp_path / "files", Places.of(Settings(home=home)).incoming)
    subprocess.run([sys.executable, "-c", RUN, str(homes[0])], check=True, cwd=PROJECT_DIR)
    chance = random.Random(7)
    kills = 0
    while True:
        process = subprocess.Popen([sys.executable, "-c", RUN, str(homes[1])], cwd=PROJECT_DIR)
        try:
            process.wait(chance.uniform(1.0, 4.0))
            break
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
    calm, killed = (content(Places.of(Settings(home=home))) for home in homes)
    assert kills >= 3
    assert killed == calm
    assert len(calm["taken"]) > 9_000


def test_refused_lines_and_files_are_told_without_their_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = Places.of(Settings(home=tmp_path))
    places.incoming.mkdir(parents=True)
    good = {"person": "P7", "metric": "heart_rate", "at": "2024-03-01T00:00:00Z", "value": 60, "unit": "bpm"}
    bad = [{**good, "unit": "furlong"}, {**good, "at": "soon"}, {**good, "value": "sixty"}]
    lines = [json.dumps(row) for row in (*bad, good)]
    (places.incoming / "a.ndjson").write_text("\n".join([*lines, "{broken"]))
    monkeypatch.setattr(watching, "MOST_BYTES", 1000)
    (places.incoming / "b.ndjson").write_text("\n" * 1001)
    told: list[str] = []
    assert watch(places, lambda alarm: None, complain=told.append, once=True) == 2
    (of_lines,) = [one for one in told if one.startswith("a.ndjson")]
    assert of_lines.startswith("a.ndjson: 4 of 5 readings refused (line 1 unknown_unit, ")
    assert of_lines.endswith(", 1 more)")
    assert not [one for one in ("P7", "furlong", "sixty") if one in of_lines]
    (of_file,) = [one for one in told if one.startswith("b.ndjson")]
    assert "larger than" in of_file
    assert (places.refused / "b.ndjson").exists()
