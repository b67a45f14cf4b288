"""Data quality over time: what each build found (``marts_monitoring.dq_result``) is kept in the lake."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import duckdb
import pyarrow as pa
import pyarrow.compute

from lake import derived, warehouse
from lake.settings import Settings
from lake.tables import UTC_TIME, table

DQ_RUN = table(
    "dq_run",
    "One row per run of the build, rule of data quality and source; only runs that found something new.",
    run_at=UTC_TIME,
    rule=pa.string(),
    source_system=pa.string(),
    kahn_category=pa.string(),
    severity=pa.string(),
    table_name=pa.string(),
    column_name=pa.string(),
    must_hold=pa.string(),
    most_percent=pa.float64(),
    failed=pa.int64(),
    total=pa.int64(),
)

TABLES = (DQ_RUN,)


@dataclass(frozen=True)
class RuleResult:
    """What a rule found in a source. ``change`` is in percentage points since the run before, None for the first."""

    rule: str
    source_system: str
    kahn_category: str
    severity: str
    table_name: str
    column_name: str
    must_hold: str
    failed: int
    total: int
    failed_percent: float
    most_percent: float
    is_passed: bool
    change: float | None


def results(settings: Settings) -> list[RuleResult]:
    """What the build of the published snapshot found: failed rules first, the worst on top.

    Raises:
        FileNotFoundError: nothing has been published yet.
        LookupError: the snapshot is of a version without data quality.
    """
    with warehouse.reading(settings) as connection:
        try:
            rows = connection.execute(
                "select rule, source_system, kahn_category, severity, table_name, column_name, must_hold, failed,"
                " total, failed_percent, most_percent, is_passed, change_percent_points"
                " from marts_monitoring.dq_result where is_latest"
                " order by is_passed, list_position(['error', 'warning', 'info'], severity),"
                " failed_percent - most_percent desc, rule, source_system"
            ).fetchall()
        except duckdb.CatalogException:
            raise LookupError("the snapshot has no table dq_result; twin build publishes a new one") from None
    return [RuleResult(*row) for row in rows]


def trend(settings: Settings, rule: str) -> list[tuple[datetime, str, int, int, float]]:
    """When, source, failed, total and per cent of a rule in every run that was kept, oldest first.

    Raises:
        KeyError: there is no such rule.
    """
    with warehouse.reading(settings) as connection:
        rows = connection.execute(
            "select run_at, source_system, failed, total, failed_percent from marts_monitoring.dq_result"
            " where rule = ? order by run_at, source_system",
            [rule],
        ).fetchall()
    if not rows:
        raise KeyError(f"no rule {rule!r} looked at anything; twin dq --all lists them")
    return rows


def keep(settings: Settings) -> bool:
    """Keep what the published build found, unless the last run kept found the same; says whether it was kept."""
    columns = ", ".join(DQ_RUN.schema.names)
    with warehouse.reading(settings) as connection:
        present = connection.execute("select 1 from duckdb_tables() where table_name = 'dq_result'").fetchall()
        if not present:
            return False
        found = connection.sql(
            f"select {columns} from marts_monitoring.dq_result where is_latest order by rule, source_system"
        ).to_arrow_table()
    if not found.num_rows or _what(found) == _what(_last(settings)):
        return False
    moment = found["run_at"][0].as_py()
    derived.replace(settings, DQ_RUN, f"{moment:%Y%m%dT%H%M%S}", found)
    return True


def _last(settings: Settings) -> pa.Table:
    kept = derived.read(settings, DQ_RUN)
    newest = max(kept["run_at"].to_pylist(), default=None)
    return kept.filter(pa.compute.equal(kept["run_at"], newest)) if newest else kept


def _what(run: pa.Table) -> list[tuple[str, str, int, int]]:
    return sorted(zip(*(run[name].to_pylist() for name in ("rule", "source_system", "failed", "total")), strict=True))
