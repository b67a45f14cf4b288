"""Wearables: FIT records against fitdecode, Takeout JSON, minutes to days (sums alone, and with all that the platform
does: duplicates, zones, merged sources, wear, baselines), and the time from a reading to its alarm.

FIT: fitdecode's own test files (../shared/data), those that are read in columns; the peer only iterates their messages.
Takeout: a made heart rate file, against DuckDB's own typed read of the same bytes. Minutes: rows of one minute each to
daily features in SQL, then one more day alone; the budget is of 100 million rows. What the platform makes of
minute rows on the way to the warehouse has no budget: it is there to be seen.
Latency: files appear one by one while a monitor in a process of its own watches; each raises one alarm.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks import cost

FILES = cost.ROOT.parent / "shared" / "data" / "wearables" / "fit" / "fitdecode" / "tests" / "files"
FIT_FASTER, LATENCY_S, TAKEOUT_MB_S, MINUTES_CPU_S = 10.0, 1.0, 100.0, 8.0
READINGS, MINUTE_DAYS, MINUTE_PEOPLE = 400_000, 70, 1000
PLATFORM_DAYS, PLATFORM_PEOPLE = 70, 10
ALARMS, READINGS_A_FILE = 100, 300
WATCH = """
import sys
from pathlib import Path
from lake.settings import Settings
from wearables.monitor.watch import Places, watch
watch(Places.of(Settings(home=Path(sys.argv[1]))), lambda alarm: None)
"""


def measure() -> list[dict[str, Any]]:
    """All; each in processes of their own."""
    return [*_fit(), *_takeout(), *_minutes(), *_platform(), _latency()]


def _fit() -> list[dict[str, Any]]:
    if not FILES.is_dir():
        return [{"stage": "FIT records", "peer": "no shared data beside the checkout"}]
    ours, peer = (cost.apart(f"tests.benchmarks.wearables:{name}") for name in ("scanned", "fitdecoded"))
    ratio = peer["cpu_s"] / ours["cpu_s"]
    row = {"stage": "FIT records in columns", **ours, "peer": "fitdecode, nothing kept", "ratio": round(ratio, 1)}
    return [
        row | {"budget": f"≥ {FIT_FASTER:g}", "ok": ratio >= FIT_FASTER},
        {"stage": "fitdecode, nothing kept", **peer},
    ]


def _activities() -> list[Path]:
    from wearables.fit_records import scan

    return [path for path in sorted(FILES.glob("*.fit")) if scan(path.read_bytes()) is not None]


def scanned() -> dict[str, Any]:
    """Our scan of all activities."""
    from wearables.fit_records import scan

    paths = _activities()
    found = cost.of(lambda: sum(one.messages for path in paths if (one := scan(path.read_bytes()))))
    return {**found.row(), "cpu_s": round(found.cpu_s, 3), "rows": found.result}


def fitdecoded() -> dict[str, Any]:
    """fitdecode's messages of the same files."""
    import fitdecode

    paths = _activities()

    def count() -> int:
        return sum(
            frame.frame_type == fitdecode.FIT_FRAME_DATA for path in paths for frame in fitdecode.FitReader(str(path))
        )

    found = cost.of(count)
    return {**found.row(), "rows": found.result}


def _takeout() -> list[dict[str, Any]]:
    ours, peer = (cost.apart(f"tests.benchmarks.wearables:{name}") for name in ("takeout_read", "takeout_typed"))
    pace = ours["mb"] / ours["cpu_s"]
    row = {"stage": f"Takeout heart rates, {ours['mb']:.0f} MB", **ours, "peer": "DuckDB's typed read, nothing kept"}
    row |= {"ratio": round(ours["cpu_s"] / peer["cpu_s"], 2), "budget": f"≥ {TAKEOUT_MB_S:g} MB/s", "mb_s": round(pace)}
    return [row | {"ok": pace >= TAKEOUT_MB_S}, {"stage": "DuckDB's typed read", **peer}]


def _takeout_file(folder: Path) -> Path:
    start = datetime(2024, 1, 2)
    times = (start + timedelta(seconds=5 * n) for n in range(READINGS))
    rows = [
        {"dateTime": time.strftime("%m/%d/%y %H:%M:%S"), "value": {"bpm": 60 + n % 60, "confidence": 2}}
        for n, time in enumerate(times)
    ]
    path = folder / "heart_rate-2024-01-02.json"
    path.write_text(json.dumps(rows, indent=2))
    return path


def takeout_read() -> dict[str, Any]:
    """Our reader of a Takeout file, with its raw Parquet."""
    from lake.reader import Landed
    from lake.settings import Settings
    from lake.sink import Sink
    from wearables import fitbit

    with tempfile.TemporaryDirectory() as folder:
        path = _takeout_file(Path(folder))

        def read() -> int:
            sink = Sink(Settings(home=Path(folder)), file_id="f", source="s", account="a", work=Path(folder))
            sink.declare(fitbit.READER.tables)
            fitbit.read(Landed(path, "s", "a"), sink)
            sink.close()
            return sink.records_accepted

        # the first one pays for imports
        found = min((cost.of(read) for _ in range(8)), key=lambda one: one.cpu_s)
        return {**found.row(), "rows": found.result, "mb": path.stat().st_size / 1e6}


def takeout_typed() -> dict[str, Any]:
    """DuckDB's own read of the same file by declared types."""
    import duckdb

    with tempfile.TemporaryDirectory() as folder, duckdb.connect(":memory:") as connection:
        path = _takeout_file(Path(folder))
        types = "{'dateTime': 'varchar', 'value': 'struct(bpm double)'}"
        query = f"create table t as select * from read_json($1, format = 'array', columns = {types})"
        found = cost.of(lambda: connection.execute(query, [str(path)]).fetchall())
        return {**found.row(), "rows": READINGS}


def _minutes() -> list[dict[str, Any]]:
    found = cost.apart("tests.benchmarks.wearables:minutes_to_days")
    whole, one = found["whole_cpu_s"] * 1e8 / found["rows"], found["one_day_cpu_s"]
    share = one / found["whole_cpu_s"]
    return [
        {"stage": f"{found['rows'] / 1e6:.0f} M minute rows to days", "rows": found["rows"],
         "cpu_s": found["whole_cpu_s"],
         "peak_mb": found["peak_mb"], "budget": f"≤ {MINUTES_CPU_S:g} CPU-s for 100 M", "ok": whole <= MINUTES_CPU_S},
        {"stage": "one new day of 70, same result", "cpu_s": one, "budget": "≤ 2 % of all",
         "ok": share <= 0.02 and found["is_same"]},
    ]  # fmt: skip


def minutes_to_days() -> dict[str, Any]:
    """Daily features of minute rows, all of them and then one day alone."""
    import duckdb

    daily = """
        select person, date_trunc('day', happened_at)::date as day, count(*) as n, sum(steps) as steps,
            round(avg(bpm), 6) as mean, min(bpm) as low, max(bpm) as high, round(stddev_samp(bpm), 6) as sd,
            round(avg(bpm) filter (hour(happened_at) < 7 and steps = 0), 6) as resting,
            count(*) filter (bpm >= 100) as fast
        from minute {} group by all"""
    with tempfile.TemporaryDirectory() as folder:
        connection = duckdb.connect(f"{folder}/m.duckdb", config={"threads": 2, "memory_limit": "4GB"})
        connection.execute(f"""
            create table minute as
            select p::int as person, timestamp '2024-01-01' + to_minutes(cast(m as int)) as happened_at,
                (60 + hash(p * 31 + m) % 50)::utinyint as bpm, (hash(m * 7 + p) % 9 * (hash(m) % 3))::utinyint as steps
            from range({MINUTE_DAYS} * 1440) t(m), range({MINUTE_PEOPLE}) s(p)""")
        whole = cost.of(lambda: connection.execute("create table day as " + daily.format("")).fetchall())
        last = f"where happened_at >= timestamp '2024-01-01' + interval {MINUTE_DAYS - 1} days"
        query = "create or replace table last_day as " + daily.format(last)
        one = min((cost.of(lambda: connection.execute(query).fetchall()) for _ in range(3)), key=lambda one: one.cpu_s)
        ((differences,),) = connection.execute(
            "select count(*) from (select * from last_day except select * from day)"
        ).fetchall()
        connection.close()
    return {"rows": MINUTE_DAYS * 1440 * MINUTE_PEOPLE, "whole_cpu_s": round(whole.cpu_s, 2), "peak_mb": whole.peak_mb,
            "one_day_cpu_s": round(one.cpu_s, 3), "is_same": differences == 0}  # fmt: skip


def _platform() -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory(dir=os.environ.get("TWIN_BENCH")) as home:
        return cost.apart("tests.benchmarks.wearables:minutes_through_the_platform", home)


def minutes_through_the_platform(folder: str) -> list[dict[str, Any]]:
    """Heart rates and steps of every minute, delivered as Takeout files: all days but the last, then the last one."""
    os.environ["TWIN_HOME"] = folder
    from lake import landing, manifest
    from lake.ingest import ingest
    from lake.settings import Settings
    from orchestration import dbt, increment, rooms

    settings = Settings(home=Path(folder))
    project = json.loads(dbt.manifest_path(settings).read_bytes())
    rows: list[dict[str, Any]] = []
    for first, last in ((0, PLATFORM_DAYS - 1), (PLATFORM_DAYS - 1, PLATFORM_DAYS)):
        samples = 2 * PLATFORM_PEOPLE * 1440 * (last - first)
        what = f"{samples / 1e6:.2f} M minute rows, {last - first} days of {PLATFORM_PEOPLE} people"
        delivery = Path(folder) / f"from-{first}"
        _minute_files(delivery, first, last)
        landing.land(settings, delivery, "fitbit")
        watch = cost.Stopwatch()
        rooms.ensure_typed_files(settings)
        ingest(settings, rooms.readers(), rooms.contracts(), landing.pending(settings))
        manifest.write_tables(settings)
        rows.append({"stage": f"{what}: read", **watch.lap().row(), "rows": samples})
        plan = increment.plan(settings, project)
        selection = ["--exclude", "tag:after_models", "tag:on_demand"]
        if plan.nodes is not None:
            selection = increment.selection(plan, project)
        with increment.running(settings, plan):
            failed = [one.unique_id for one in dbt.build(settings, selection) if not one.passed]
            if failed:
                raise RuntimeError(f"dbt: {failed[:5]}")
        rows.append({"stage": f"{what}: the whole warehouse", **watch.lap().row(), "rows": samples})
    return rows


def _minute_files(folder: Path, first: int, last: int) -> None:
    """Takeout files of some days, for each person one of heart rates and one of steps."""
    import duckdb

    start = datetime(2024, 1, 1) + timedelta(days=first)
    values = {
        "heart_rate": "{{'bpm': 60 + (hash(m * 31 + {p}) % 50)::int, 'confidence': 2}}",
        "steps": "((hash(m * 7 + {p}) % 9) * (hash(m) % 3))::int::varchar",
    }
    with duckdb.connect(":memory:") as connection:
        for person in range(PLATFORM_PEOPLE):
            account = folder / f"account=p{person:03}"
            account.mkdir(parents=True)
            for kind, value in values.items():
                connection.execute(
                    f"""copy (
                        select strftime(timestamp '{start}' + to_minutes(m::int), '%m/%d/%y %H:%M:%S') as "dateTime",
                            {value.format(p=person)} as value
                        from range({1440 * (last - first)}) t(m)
                    ) to '{account / f"{kind}-{start:%Y-%m-%d}.json"}' (format json, array true)"""
                )


def _latency() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as home:
        incoming = Path(home) / "hot" / "incoming"
        incoming.mkdir(parents=True)
        process = subprocess.Popen([sys.executable, "-c", WATCH, home], cwd=cost.ROOT)
        try:
            store = Path(home) / "hot" / "monitor.sqlite"
            while not store.exists():
                time.sleep(0.05)
            for number in range(ALARMS):
                _land(incoming, number)
                time.sleep(0.15)
            waits = _waits(store)
        finally:
            process.kill()
            process.wait()
    p95 = float(np.quantile(waits, 0.95)) if len(waits) == ALARMS else float("inf")
    median = float(np.median(waits)) if waits else float("inf")
    row = {"stage": f"reading landed to alarm committed, {ALARMS} alarms, median {median:.2f} s, p95 {p95:.2f} s"}
    return row | {"rows": ALARMS * READINGS_A_FILE, "budget": f"p95 ≤ {LATENCY_S:g} s", "ok": p95 <= LATENCY_S}


def _land(incoming: Path, number: int) -> None:
    """A file of many people's readings, one of whom has been low for 20 minutes."""
    now = datetime.now(UTC)
    rows = [
        {
            "person": f"L{number}",
            "metric": "glucose",
            "at": (now - timedelta(minutes=m)).isoformat(),
            "value": 60,
            "unit": "mg/dL",
        }
        for m in (20, 15, 10, 5, 0)
    ]
    rows += [
        {"person": f"Q{n}", "metric": "glucose", "at": now.isoformat(), "value": 100, "unit": "mg/dL"}
        for n in range(READINGS_A_FILE - len(rows))
    ]
    draft = incoming / f"{number:05}.part"
    draft.write_text("\n".join(json.dumps(row) for row in rows))
    draft.rename(incoming / f"{number:05}.ndjson")


def _waits(store: Path) -> list[float]:
    deadline = time.monotonic() + 60
    while True:
        with sqlite3.connect(store) as connection:
            found = connection.execute(
                "select committed_at - received_at from alarm where rule = 'glucose_below_70'"
            ).fetchall()
        if len(found) >= ALARMS or time.monotonic() > deadline:
            return [row[0] for row in found]
        time.sleep(0.2)


if __name__ == "__main__":
    from tests.benchmarks.report import table

    table("wearables", measure())
