"""The hand-over of core tables: typed views over ``lake/core/*.parquet``, their content version and the data cutoff."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import duckdb

from lake import warehouse
from lake.settings import Settings
from lake.sql import literal

_VERSIONED = {"known_at": "timestamp", "superseded_at": "timestamp", "op": "varchar"}

CORE_COLUMNS: dict[str, dict[str, str]] = {
    "twin_person": {
        "person_id": "varchar",
        "birth_date": "date",
        "sex": "varchar",
        "death_date": "date",
        "last_observed_at": "timestamp",
    },
    "twin_person_home": {
        "person_id": "varchar",
        "region_id": "varchar",
        "valid_from": "date",
        "valid_to": "date",
    },
    "twin_measurement": {
        "person_id": "varchar",
        "concept": "varchar",
        "code": "varchar",
        "value_std": "double",
        "unit_std": "varchar",
        "value_text": "varchar",
        "value_code": "varchar",
        "quality_flags": "varchar",
        "event_at": "timestamp",
        **_VERSIONED,
    },
    "twin_condition": {"person_id": "varchar", "concept": "varchar", "event_at": "timestamp", **_VERSIONED},
    "twin_medication": {
        "person_id": "varchar",
        "concept": "varchar",
        "event_at": "timestamp",
        "event_end_at": "timestamp",
        **_VERSIONED,
    },
    "twin_encounter": {
        "person_id": "varchar",
        "encounter_class": "varchar",
        "event_at": "timestamp",
        "event_end_at": "timestamp",
        **_VERSIONED,
    },
    "twin_family_history": {
        "person_id": "varchar",
        "relationship": "varchar",
        "concept": "varchar",
        **_VERSIONED,
    },
    "twin_wearable_day": {
        "person_id": "varchar",
        "local_date": "date",
        "known_at": "timestamp",
        "wear_minutes": "double",
        "steps": "double",
        "resting_heart_rate": "double",
        "hrv_rmssd": "double",
        "hrv_sdnn": "double",
        "sleep_minutes": "double",
        "active_energy_kcal": "double",
        "glucose_mean": "double",
    },
    "environment_day": {"region_id": "varchar", "date": "date", "pm2_5": "double"},
    "twin_genome_score": {
        "person_id": "varchar",
        "pgs_id": "varchar",
        "trait": "varchar",
        "z": "double",
        "match_rate": "double",
        "status": "varchar",
        "known_at": "timestamp",
    },
    "twin_genome_marker": {
        "person_id": "varchar",
        "marker": "varchar",
        "value": "varchar",
        "status": "varchar",
        "known_at": "timestamp",
    },
}
"""The columns of core that this room reads, and their types. Nothing else of core can influence a model."""


class CoreUnusable(Exception):
    """The hand-over of core tables is missing or does not have the columns the contract promises."""


def open_core(settings: Settings) -> duckdb.DuckDBPyConnection:
    """Open an in-memory DuckDB with one typed view per core table this room reads.

    A core table whose file is absent becomes an empty view (a platform with few sources still works), except
    ``twin_person``, without which there is nobody to predict for.

    Raises:
        CoreUnusable: no ``twin_person``, or a file lacks a column.
    """
    connection = warehouse.memory(settings)
    try:
        for name, columns in CORE_COLUMNS.items():
            path = settings.core / f"{name}.parquet"
            if path.exists():
                source = f"read_parquet({literal(path)})"
                present = {row[0] for row in connection.execute(f"describe select * from {source}").fetchall()}
                if absent := [column for column in columns if column not in present]:
                    raise CoreUnusable(
                        f"core/{name}.parquet lacks {', '.join(absent)}; rebuild core with `twin build` before training"
                    )
                selected = ", ".join(f'cast("{column}" as {kind}) as "{column}"' for column, kind in columns.items())
                connection.execute(f"create view {name} as select {selected} from {source}")
            elif name == "twin_person":
                raise CoreUnusable("core/twin_person.parquet does not exist; run `twin build` first")
            else:
                empty = ", ".join(f'cast(null as {kind}) as "{column}"' for column, kind in columns.items())
                connection.execute(f"create view {name} as select {empty} where false")
    except BaseException:
        connection.close()
        raise
    return connection


def core_version(connection: duckdb.DuckDBPyConnection) -> str:
    """Return 16 hexadecimal digits that change exactly when the content read from core changes.

    Independent of the order of rows and of how files are laid out, so that a rebuild of equal data is the same version;
    numbers count to nine decimals, because the order of a sum changes its last bits.
    """
    parts = []
    for name, columns in CORE_COLUMNS.items():
        values = (f'round("{c}", 9)' if kind == "double" else f'"{c}"' for c, kind in columns.items())
        row = "concat_ws('|', " + ", ".join(f"coalesce(cast({value} as varchar), '')" for value in values) + ")"
        parts.append(
            f"select '{name}' as name, count(*) as n, sum(cast(md5_number_lower({row}) as hugeint)) as s from {name}"
        )
    rows = connection.execute(" union all ".join(parts) + " order by name").fetchall()
    return hashlib.sha256(repr(rows).encode()).hexdigest()[:16]


def version(settings: Settings, connection: duckdb.DuckDBPyConnection) -> str:
    """Return ``core_version``; every row is read once per process for the same files, not once per task."""
    files = tuple(sorted(settings.core.glob("[!.]*.parquet")))
    stamp = tuple((str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files)
    if stamp not in _VERSIONS:
        _VERSIONS.clear()
        _VERSIONS[stamp] = core_version(connection)
    return _VERSIONS[stamp]


_VERSIONS: dict[tuple[tuple[str, int, int], ...], str] = {}
"""The version of the files that were seen last; core is replaced by renaming, which changes the stamp."""


def data_cutoff(connection: duckdb.DuckDBPyConnection) -> datetime | None:
    """Return the first midnight (UTC) after the last moment at which a clinical fact became known; None without facts.

    Only clinical facts count: a device whose clock jumped ahead must not move the end of follow-up for everyone. Nor
    do facts of the future count: their dates were shifted to hide the person, as in MIMIC.
    """
    tables = ("twin_measurement", "twin_condition", "twin_medication", "twin_encounter")
    known = " union all ".join(
        f"select max(known_at) as known_at from {name} where known_at <= $now" for name in tables
    )
    now = datetime.now(UTC).replace(tzinfo=None)
    latest = connection.execute(f"select max(known_at) from ({known})", {"now": now}).fetchall()[0][0]
    return None if latest is None else datetime(latest.year, latest.month, latest.day) + timedelta(days=1)
