"""What the monitor knows, in one SQLite file: readings, files taken in, the state of every rule, alarms.

A file's readings, the new states and its alarms are one transaction, so that a monitor that is killed at any moment has
either taken the file in or not; the file's hash says which. Readings and alarms have keys of their content, so that the
same reading in another file, or the same alarm again, is the one that is there.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from wearables.monitor.readings import Reading, Rejected, in_time
from wearables.monitor.rule import Alarm, State
from wearables.monitor.rules import AnyRule

LATE_S = 900
"""An alarm on a reading that took longer to arrive is late: whoever reads it should know that it speaks of the past."""

_SCHEMA = """
create table if not exists taken (
    file_hash blob primary key, name text not null, received_at real not null, committed_at real not null,
    readings integer not null, repeated integer not null, late integer not null, rejected integer not null
) without rowid;
create table if not exists rejected (file_hash blob not null, line integer not null, reason text not null);
create table if not exists reading (
    key blob primary key, person text not null, metric text not null, at real not null, offset_s integer not null,
    value real not null, received_at real not null, is_late integer not null
) without rowid;
create table if not exists state (
    person text not null, rule text not null, state blob not null, primary key (person, rule)
) without rowid;
create table if not exists seen (
    person text not null, metric text not null, at real not null, primary key (person, metric)
) without rowid;
create table if not exists alarm (
    person text not null, rule text not null, began real not null, at real not null, severity text not null,
    evidence text not null, received_at real not null, committed_at real not null, is_late integer not null,
    primary key (person, rule, began)
) without rowid;
create table if not exists merged (
    person text not null, rule text not null, began real not null, primary key (person, rule, began)
) without rowid;
"""


@dataclass(frozen=True)
class Batch:
    """A file to be taken in."""

    name: str
    file_hash: bytes
    received: float
    readings: Sequence[Reading]
    rejected: Sequence[Rejected]


class Store:
    """The monitor's memory. Open it once per process; another process may read the file at the same time."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None, timeout=30)
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = full")
        self._db.executescript(_SCHEMA)
        self._states: dict[tuple[str, str], State] = {}

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def has(self, file_hash: bytes) -> bool:
        """The file has been taken in."""
        return self._db.execute("select 1 from taken where file_hash = ?", [file_hash]).fetchone() is not None

    def take_in(self, batches: Sequence[Batch], rules: Sequence[AnyRule]) -> list[Alarm]:
        """Take in files in one transaction; returns the alarms that are new.

            Readings that are older than the last one of their person and metric are kept, and marked late; no rule sees
        them. An alarm is late where the reading behind it took long to arrive.
        """
        self._db.execute("begin immediate")
        try:
            alarms = [alarm for batch in batches for alarm in self._take_in(batch, rules)]
            self._save_states()
            self._db.execute("commit")
        except BaseException:
            self._db.execute("rollback")
            self._states.clear()
            raise
        return alarms

    def tick(self, now: float, rules: Sequence[AnyRule]) -> list[Alarm]:
        """Let the rules that do so look at the clock, for every person they know; only an alarm changes a state."""
        self._db.execute("begin immediate")
        try:
            alarms = []
            for rule in rules:
                if not rule.looks_at_the_clock():
                    continue
                rows = self._db.execute("select person, state from state where rule = ? order by person", [rule.rule])
                for person, row in rows.fetchall():
                    state: State = orjson.loads(row)
                    if found := rule.tick(state, person, now):
                        self._states[person, rule.rule] = state
                        alarms += [one for alarm in found for one in self._raise(alarm, now)]
            self._save_states()
            self._db.execute("commit")
        except BaseException:
            self._db.execute("rollback")
            self._states.clear()
            raise
        return alarms

    def rows(self, table: str) -> list[dict[str, Any]]:
        """All rows of a table, sorted; times as stored."""
        if table not in {"taken", "rejected", "reading", "state", "seen", "alarm"}:
            raise KeyError(table)
        cursor = self._db.execute(f"select * from {table}")
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in sorted(cursor.fetchall())]

    def unmerged(self) -> list[dict[str, Any]]:
        """Alarms that were not handed over yet, in the order of their keys."""
        cursor = self._db.execute(
            "select * from alarm where (person, rule, began) not in (select * from merged) order by person, rule, began"
        )
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def merged(self, rows: Sequence[dict[str, Any]]) -> None:
        """Remember that these alarms were handed over."""
        keys = [(row["person"], row["rule"], row["began"]) for row in rows]
        self._db.execute("begin immediate")
        self._db.executemany("insert or ignore into merged values (?, ?, ?)", keys)
        self._db.execute("commit")

    def _take_in(self, batch: Batch, rules: Sequence[AnyRule]) -> list[Alarm]:
        repeated = late = 0
        alarms: list[Alarm] = []
        concerned: dict[str, list[AnyRule]] = {}
        now = time.time()
        if self.has(batch.file_hash):
            return []
        for reading in in_time(batch.readings):
            seen = self._db.execute(
                "select at from seen where person = ? and metric = ?", [reading.person, reading.metric]
            ).fetchone()
            is_late = seen is not None and reading.at < seen[0]
            added = self._db.execute(
                "insert or ignore into reading values (?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    reading.key, reading.person, reading.metric, reading.at, reading.offset_s, reading.value,
                    batch.received, is_late,
                ],
            ).rowcount  # fmt: skip
            if not added:
                repeated += 1
                continue
            if is_late:
                late += 1
                continue
            self._db.execute(
                "insert or replace into seen values (?, ?, ?)", [reading.person, reading.metric, reading.at]
            )
            if reading.metric not in concerned:
                concerned[reading.metric] = [rule for rule in rules if rule.concerns(reading.metric)]
            for rule in concerned[reading.metric]:
                for alarm in rule.step(self._state(reading.person, rule.rule), reading):
                    alarms += self._raise(alarm, batch.received)
        self._db.executemany(
            "insert into rejected values (?, ?, ?)", [(batch.file_hash, one.line, one.reason) for one in batch.rejected]
        )
        counts = (len(batch.readings) - repeated, repeated, late, len(batch.rejected))
        self._db.execute(
            "insert into taken values (?, ?, ?, ?, ?, ?, ?, ?)",
            [batch.file_hash, batch.name, batch.received, now, *counts],
        )
        return alarms

    def _raise(self, alarm: Alarm, received: float) -> list[Alarm]:
        """Keep an alarm, and say how old it is; nothing if it is there already."""
        evidence = orjson.dumps(alarm.evidence, option=orjson.OPT_SORT_KEYS).decode()
        age_s = received - alarm.at
        row = (
            alarm.person, alarm.rule, alarm.began, alarm.at, alarm.severity, evidence, received, time.time(),
            age_s > LATE_S,
        )  # fmt: skip
        added = self._db.execute("insert or ignore into alarm values (?, ?, ?, ?, ?, ?, ?, ?, ?)", row).rowcount
        return [replace(alarm, age_s=age_s, is_late=age_s > LATE_S)] if added else []

    def _state(self, person: str, rule: str) -> State:
        if (person, rule) not in self._states:
            row = self._db.execute("select state from state where person = ? and rule = ?", [person, rule]).fetchone()
            self._states[person, rule] = orjson.loads(row[0]) if row else {}
        return self._states[person, rule]

    def _save_states(self) -> None:
        self._db.executemany(
            "insert or replace into state values (?, ?, ?)",
            [(person, rule, orjson.dumps(state)) for (person, rule), state in self._states.items()],
        )
        self._states.clear()
