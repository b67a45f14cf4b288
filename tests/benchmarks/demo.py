"""The demo of the README, stage by stage: the same calls as `twin demo`, in a process of their own.

One file in a hundred of the devices' dumps is held back, landed after the first build, and built again: that is the
price of new data. ``TWIN_BENCH_PEOPLE`` people (400).
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb

from lake import landing, manifest
from lake.settings import Settings
from tests.benchmarks.cost import Cost, Stopwatch, apart

SEED = 20260630
HELD_BACK = 100
"""Every how manyeth dump waits for the second build."""
DEVICES = ("apple_health", "dexcom", "fitbit", "garmin", "open_mhealth")
WALL_S = 240
NEW_DATA_SHARE = 0.10


def people() -> int:
    """Size of the population."""
    return int(os.environ.get("TWIN_BENCH_PEOPLE", "400"))


def home() -> Path:
    """Where the measured platform lies."""
    return Path(os.environ["TWIN_BENCH"]) / f"demo-{people()}"


def measure() -> list[dict[str, Any]]:
    """Build the demo from nothing, build again with nothing new, and with one file in a hundred new."""
    shutil.rmtree(home(), ignore_errors=True)
    first = apart("tests.benchmarks.demo:whole", home(), people())
    nothing = apart("tests.benchmarks.demo:again", home(), "nothing new", "")
    new = apart("tests.benchmarks.demo:again", home(), "1 % of the dumps new", home() / "held_back")
    whole = _total("demo", first) | {"budget": f"≤ {WALL_S} wall s"}
    whole["ok"] = whole["wall_s"] <= WALL_S
    small = _total("1 % of the dumps new, published", new)
    share = small["cpu_s"] / whole["cpu_s"]
    small |= {"peer": "demo", "ratio": round(share, 3), "budget": f"≤ {NEW_DATA_SHARE}", "ok": share <= NEW_DATA_SHARE}
    return [*first, whole, *nothing, *new, small]


def whole(folder: str, count: int) -> list[dict[str, Any]]:
    """Make the population and build everything; one row per stage."""
    settings = Settings(home=Path(folder))
    watch = Stopwatch()
    from synthetic import generate

    made = generate(settings, count, SEED)
    rows = [{"stage": "synth", **watch.lap().row(), "rows": made.records, "mb": _mb(made.bytes)}]
    _hold_back(settings)
    watch.lap()
    return [*rows, *_build(settings, watch, "")]


def again(folder: str, what: str, new: str) -> list[dict[str, Any]]:
    """Land what was held back, if anything, and build in a fresh process."""
    settings = Settings(home=Path(folder))
    watch = Stopwatch()
    rows = []
    if new:
        landed = [one for source in sorted(Path(new).iterdir()) for one in landing.land(settings, source, source.name)]
        size = sum(one.bytes for one in landed)
        rows = [{"stage": f"{what}: land", **watch.lap().row(), "rows": None, "mb": _mb(size)}]
    return [*rows, *_build(settings, watch, f"{what}: ")]


def _hold_back(settings: Settings) -> None:
    for source in DEVICES:
        dumps = [path for path in landing.walk(settings) if path.is_relative_to(settings.landing / source)]
        for path in dumps[HELD_BACK // 2 :: HELD_BACK]:
            target = settings.home / "held_back" / path.relative_to(settings.landing)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.rename(target)


def _build(settings: Settings, watch: Stopwatch, prefix: str) -> list[dict[str, Any]]:
    """Build, timing what lies between one word of progress and the next."""
    from orchestration import rooms
    from orchestration.build import build
    from orchestration.deliveries import waiting
    from orchestration.environment import prepare

    os.environ["TWIN_HOME"] = str(settings.home)
    prepare()
    before = {one.file_id for one in manifest.entries(settings)}
    waiting(settings, rooms.readers())
    laps: list[tuple[str, Cost]] = [("landing: hash and recognise", watch.lap())]
    doing = "what is stale"

    def tell(what: str) -> None:
        nonlocal doing
        laps.append((doing, watch.lap()))
        doing = "start and end of Dagster runs" if what.startswith("taking in ") else what

    report = build(settings, tell)
    laps.append((doing, watch.lap()))
    if not report.ok:
        raise RuntimeError(f"the build did not succeed: {report.failed} {report.refused[:3]}")
    records: Counter[str] = Counter()
    size: Counter[str] = Counter()
    for one in manifest.entries(settings):
        if one.file_id not in before and one.format:
            records[f"raw {one.format}"] += one.records_read
            size[f"raw {one.format}"] += one.bytes
    rows = []
    for stage in dict.fromkeys(name for name, _ in laps):
        mine = [cost for name, cost in laps if name == stage]
        total = Cost(
            sum(one.cpu_s for one in mine), sum(one.wall_s for one in mine), max(one.peak_mb or 0 for one in mine)
        )
        row = {"stage": prefix + stage, **total.row(), "rows": None, "mb": None}
        if stage in records:
            row |= {"rows": records[stage], "mb": _mb(size[stage])}
        elif stage == "published snapshot":
            row |= {"rows": _published_rows(settings), "mb": _mb(settings.snapshot.stat().st_size)}
        rows.append(row)
    return rows


def _published_rows(settings: Settings) -> int:
    with duckdb.connect(str(settings.snapshot), read_only=True) as connection:
        found = connection.execute("select sum(estimated_size) from duckdb_tables()").fetchone()
    return int(found[0]) if found else 0


def _total(name: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "stage": name,
        "cpu_s": round(sum(row["cpu_s"] for row in rows), 1),
        "wall_s": round(sum(row["wall_s"] for row in rows), 1),
        "rows": sum(row["rows"] or 0 for row in rows if " raw " in f" {row['stage']}"),
        "mb": round(sum(row["mb"] or 0 for row in rows if " raw " in f" {row['stage']}"), 2),
        "peak_mb": max(row["peak_mb"] or 0 for row in rows),
    }


def _mb(size: int) -> float:
    return round(size / 1e6, 2)
