"""The MIMIC-IV demo replayed in the order in which its results were stored: the past stays what it was.

Everything with a ``storetime`` comes in ten batches, the rest (patients, stays, bills, orders) with the first. For each
stay the moment is a day after admission. Once all that was stored by then has come, features and state of that moment
may never change again, whatever comes later; and what the batches leave is what one delivery leaves.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from lake.publish import export_core
from lake.settings import Settings
from ml.features.at import features_at
from ml.features.spec import load_set
from orchestration import increment
from tests.conformance.conftest import Landed
from tests.transform.conftest import Home

pytestmark = pytest.mark.slow

BATCHES = 10
CORE = "+path:models/core"
WHOLE = ("run", "--select", CORE, "--vars", "{comments: false}")
TABLES = f"{CORE},config.materialized:table", f"{CORE},config.materialized:incremental"
MORE = ("run", "--select", *TABLES, "--vars", "{comments: false}")
"""Views read the files that lie there now: only tables are built anew."""
FACTS = "select * exclude (ingested_at, file_id, record_no) from core.twin_fact order by fact_key, version"
STATE = """
    select variable, value_num, value_text, valid_from, known_from, inputs
    from core.twin_state
    where person_id = $person and known_from <= $at and (known_to is null or known_to > $at)
    order by all
"""


class Replay:
    """A warehouse that takes in MIMIC batch by batch."""

    def __init__(self, home: Home, landed: Settings) -> None:
        self.home, self.landed = home, landed
        self.settings = Settings(home=home.path, threads=2)
        self.stored = [
            path.parent
            for path in sorted(landed.raw.glob("mimic_iv_*/[!_]*.parquet"))
            if "storetime" in pq.read_schema(path).names
        ]
        for path in landed.raw.glob("mimic_iv_*/[!_]*.parquet"):
            folder = home.path / "lake" / "raw" / path.parent.name
            folder.mkdir(parents=True, exist_ok=True)
            if path.parent not in self.stored:
                (folder / path.name).symlink_to(path)
        with duckdb.connect() as connection:
            results = f"read_parquet('{landed.raw}/mimic_iv_labevents/[!_]*.parquet')"
            cuts = [number / BATCHES for number in range(1, BATCHES)]
            (found,) = connection.execute(
                f"select quantile_disc(try_cast(storetime as timestamp), {cuts}) from {results}"
            ).fetchone() or ([],)
        self.ends = [*found, datetime.max]

    def take_in(self, number: int) -> None:
        """Land one batch and build."""
        since = self.ends[number - 1] if number else datetime.min
        with duckdb.connect() as connection:
            for folder in self.stored:
                target = self.home.path / "lake" / "raw" / folder.name / f"batch-{number}.parquet"
                stored = "coalesce(try_cast(storetime as timestamp), timestamp '0001-01-01 00:00:01')"
                connection.execute(
                    f"copy (select * replace ('batch-{number}' as file_id) from read_parquet('{folder}/[!_]*.parquet')"
                    f" where {stored} > $since and {stored} <= $until) to '{target}' (format parquet)",
                    {"since": max(since, datetime(1, 1, 1)), "until": min(self.ends[number], datetime(9999, 1, 1))},
                )
        plan = increment.Plan(None if number == 0 else frozenset([f"batch-{number}"]), "test")
        with increment.running(self.settings, plan):
            self.home.dbt(*(MORE if number else WHOLE))
        export_core(self.settings)

    def moments(self) -> pa.Table:
        """A day after each admission."""
        with duckdb.connect(str(self.settings.warehouse), read_only=True) as connection:
            return connection.sql(
                "select distinct person_id, event_at + interval 24 hour as index_at from core.twin_fact"
                " where domain = 'encounter' and source_table = 'mimic_iv_admissions' and person_id is not null"
                " and event_at is not null order by all"
            ).to_arrow_table()

    def seen(self, moments: pa.Table, folder: Path) -> dict[tuple[str, datetime], Any]:
        """Features and state of each person and moment."""
        path = folder / "asked.parquet"
        pq.write_table(moments, path)
        asked = [(row["person_id"], row["index_at"]) for row in moments.to_pylist()]
        found: dict[tuple[str, datetime], Any] = {one: ([], []) for one in asked}
        for row in features_at(self.settings, load_set("cardiometabolic"), path).long().to_pylist():
            found[row["person_id"], row["index_at"]][0].append(tuple(row.values()))
        with duckdb.connect(str(self.settings.warehouse), read_only=True) as connection:
            for person, at in asked:
                found[person, at][1].extend(connection.execute(STATE, {"person": person, "at": at}).fetchall())
        return found


@pytest.fixture(scope="module")
def replay(mimic_landed: Landed, new_mimic_home: Home) -> Replay:
    return Replay(new_mimic_home, mimic_landed[0])


@pytest.fixture(scope="module")
def new_mimic_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("replayed"))
    home.dbt("seed")
    return home


def test_what_was_known_never_changes_while_ten_batches_come_in_the_order_of_storetime(
    replay: Replay, tmp_path: Path
) -> None:
    before: dict[tuple[str, datetime], Any] = {}
    with_values = 0
    for number in range(BATCHES):
        replay.take_in(number)
        moments = replay.moments()
        complete = pc.less_equal(moments["index_at"], pa.scalar(replay.ends[number], pa.timestamp("us")))
        now = replay.seen(moments.filter(complete), tmp_path)
        changed = [one for one, seen in before.items() if now[one] != seen]
        assert changed == [], f"batch {number + 1} changed what was known at {len(changed)} of {len(before)} moments"
        before = now
        with_values = sum(bool(features and states) for features, states in now.values())
    assert len(before) >= 270
    assert with_values > 200

    # forgetting everything that became known after a moment changes nothing at that moment
    middle = sorted(at for _, at in before)[len(before) // 2]
    with duckdb.connect() as connection:
        for path in replay.settings.core.glob("*.parquet"):
            columns = pq.read_schema(path).names
            if "known_at" in columns:
                ended = ", case when superseded_at <= $at then superseded_at end as superseded_at"
                kept = f"* exclude (superseded_at){ended}" if "superseded_at" in columns else "*"
                draft = path.with_suffix(".draft")
                connection.execute(
                    f"copy (select {kept} from '{path}' where known_at <= $at) to '{draft}' (format parquet)",
                    {"at": middle},
                )
                draft.replace(path)
    then = [one for one in before if one[1] <= middle]
    asked = pa.table(
        {"person_id": [p for p, _ in then], "index_at": pa.array([t for _, t in then], pa.timestamp("us"))}
    )
    forgotten = replay.seen(asked, tmp_path)
    assert {one: seen[0] for one, seen in forgotten.items()} == {one: before[one][0] for one in then}


def test_ten_batches_leave_what_one_delivery_leaves(replay: Replay) -> None:
    in_batches = replay.home.query(FACTS)
    plan = increment.Plan(None, "test")
    with increment.running(replay.settings, plan):
        replay.home.dbt(*MORE)
    assert len(in_batches) > 107_727, "laboratory results alone"
    assert replay.home.query(FACTS) == in_batches
