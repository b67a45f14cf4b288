"""The shipped dbt models of wearable days: minutes of many people as a whole build, then one more day as an increment.

A home gets one file a day with a heart rate and a step count for each minute of every person. The models that have
nothing to do with wearables are built before, on a person list of the same people, so that they do not count.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from tests.benchmarks import cost

DAYS, PEOPLE = 70, 50
SHOWN = (
    "core.twin_wearable_day",
    "core.twin_person_baseline_day",
    "core.twin_person_time_zone",
    "marts_analyst.monitoring_daily",
    "marts_monitoring.rhythm_week",
)
_DAY = """
copy (
    select {columns}
    from (
        select
            'd' || $day as file_id, 's' as source, 'p' || p as account, m * 2 + k as record_no,
            case k when 0 then 'heart_rate' else 'step_count' end as metric,
            timestamp '2024-01-01' + to_days($day::int) + to_minutes(m::int) as start_at,
            timestamp '2024-01-01' + to_days($day::int) + to_minutes(m::int + k::int) as end_at,
            0::smallint as utc_offset_min, 'vendor_utc' as tz_source, 'watch' as source_type, 'w' as device_name,
            'a' as source_app, timestamp '2024-01-02' + to_days($day::int) as recorded_at,
            case k when 0 then 60 + hash(p * 31 + m + $day) % 50 else hash(m * 7 + p + $day) % 9 * (hash(m) % 3) end
                ::double as value
        from range({people}) s(p), range(2) u(k), range(1440) t(m)
    )
    order by account, metric, start_at
) to '{path}' (format parquet, compression zstd)
"""


def _day(home: Any, number: int, people: int) -> None:
    import duckdb

    _, schema = home.tables["wearable_sample"]
    made = {
        "file_id", "source", "account", "record_no", "metric", "start_at", "end_at", "utc_offset_min", "tz_source",
        "source_type", "device_name", "source_app", "recorded_at", "value",
    }  # fmt: skip
    from tests.transform.conftest import ARROW

    names = {str(one): name for name, one in ARROW.items()}
    columns = ", ".join(
        one.name if one.name in made else f"null::{names[str(one.type)]} as {one.name}" for one in schema
    )
    path = home.path / "lake/raw/wearable_sample" / f"d{number}.parquet"
    with duckdb.connect(":memory:") as connection:
        connection.execute(_DAY.format(columns=columns, path=path, people=people).replace("$day", str(number)))


def _build(home: Any, select: list[str], files: frozenset[str] | None = None) -> cost.Cost:
    from lake.settings import Settings
    from orchestration import increment

    with increment.running(Settings(home=home.path), increment.Plan(files, "measured")):
        return cost.of(lambda: home.dbt("run", "--select", *select))


def days(people: int = PEOPLE, number: int = DAYS) -> dict[str, Any]:
    """All days but one at once, the last as an increment, and everything anew."""
    from tests.transform.conftest import Home

    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        home.dbt("seed")
        for day in range(number):
            _day(home, day, people)
        last = home.path / "lake/raw/wearable_sample" / f"d{number - 1}.parquet"
        aside = home.path / "last.parquet"
        last.rename(aside)
        shown = [table.partition(".")[2] for table in SHOWN]
        wearable = [f"int_wearable_day__touched+,+{table}" for table in shown]
        above = [*(f"+{table}" for table in shown), "--exclude", "int_wearable_day__touched+"]
        _build(home, above)
        first = _build(home, wearable)
        aside.rename(last)
        files = frozenset({f"d{number - 1}"})
        around = _build(home, above, files)
        one = _build(home, wearable, files)
        left = [home.query(f"select * from {table} order by all") for table in SHOWN]
        _build(home, above)
        whole = _build(home, wearable)
        again = [home.query(f"select * from {table} order by all") for table in SHOWN]
    return {
        "samples": people * number * 2880, "first": first.row(), "above": around.row(), "one_day": one.row(),
        "whole": whole.row(), "is_same": left == again, "rows": [len(rows) for rows in again],
    }  # fmt: skip


if __name__ == "__main__":
    import json
    import sys

    print(json.dumps(days(*map(int, sys.argv[1:])), indent=1))
