"""From the hot folder to landing and into raw tables: every reading and alarm once, whoever is killed in between."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lake.settings import Settings
from tests.wearables.conftest import ReadFile
from wearables.monitor import merge as merging
from wearables.monitor.merge import merge
from wearables.monitor.watch import Places, watch


def arrive(places: Places, number: int) -> datetime:
    """A file with one person who has been low for 20 minutes, and a line that is none; says since when."""
    now = datetime.now(UTC).replace(microsecond=0)
    times = [(now - timedelta(minutes=minutes)).isoformat() for minutes in (20, 15, 10, 5, 0)]
    reading = {"person": f"A{number}", "metric": "glucose", "value": 60, "unit": "mg/dL"}
    rows = [reading | {"at": time} for time in times]
    places.incoming.mkdir(parents=True, exist_ok=True)
    (places.incoming / f"{number}.ndjson").write_text("\n".join(map(json.dumps, rows)) + "\nnot json\n")
    return (now - timedelta(minutes=20)).replace(tzinfo=None)


def landed(settings: Settings, read_file: ReadFile) -> tuple[set[Any], list[Any], list[Any]]:
    """Distinct readings, all readings, and alarms of what lies in landing."""
    readings: list[Any] = []
    alarms: list[Any] = []
    for path in sorted((settings.landing / "live").glob("*.ndjson")):
        found = read_file(path, folder="live")
        assert found.format == "live"
        readings += [(row["subject"], row["start_at"], row["value"]) for row in found.samples]
        alarms += [(row["subject"], row["rule"], row["began_at"]) for row in found.tables.get("alarm_event", [])]
    return set(readings), readings, alarms


def test_what_was_taken_in_lands_once(tmp_path: Path, read_file: ReadFile) -> None:
    settings = Settings(home=tmp_path / "twin")
    places = Places.of(settings)
    began = [arrive(places, number) for number in range(3)]
    watch(places, lambda alarm: None, once=True)
    done = merge(settings)
    assert (done.taken, done.landed, done.alarms) == (3, 1, 3)
    assert not list(places.taken.iterdir())
    assert merge(settings) == merging.Merged(0, 0, 0)
    distinct, readings, alarms = landed(settings, read_file)
    assert len(distinct) == len(readings) == 15
    assert alarms == [(f"A{number}", "glucose_below_70", since) for number, since in enumerate(began)]


def test_a_merge_that_dies_before_it_tidies_up_counts_nothing_twice(
    tmp_path: Path, read_file: ReadFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=tmp_path / "twin")
    places = Places.of(settings)
    arrive(places, 0)
    watch(places, lambda alarm: None, once=True)

    unlink = Path.unlink

    def die(self: Path, missing_ok: bool = False) -> None:
        if self.parent == places.taken:
            raise KeyboardInterrupt
        unlink(self, missing_ok=missing_ok)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", die)
        with pytest.raises(KeyboardInterrupt):
            merge(settings)
    arrive(places, 1)
    watch(places, lambda alarm: None, once=True)
    merge(settings)
    distinct, readings, alarms = landed(settings, read_file)
    # the first file's lines are in two landed files; as readings they are the same
    assert (len(distinct), len(readings), len(set(alarms))) == (10, 15, 2)


def test_the_value_behind_an_alarm_goes_with_it(tmp_path: Path, read_file: ReadFile) -> None:
    settings = Settings(home=tmp_path / "twin")
    arrive(Places.of(settings), 0)
    watch(Places.of(settings), lambda alarm: None, once=True)
    merge(settings)
    (path,) = (settings.landing / "live").glob("alarms-*")
    (row,) = read_file(path, folder="live").tables["alarm_event"]
    assert (row["value"], row["baseline"], row["severity"], row["is_late"]) == (60, 70, "warning", False)
    assert json.loads(row["evidence"])["minutes"] >= 10
