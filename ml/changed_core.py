"""Core with another future: what the leakage suite changes, removes or adds after a moment, and the way back."""

from __future__ import annotations

from datetime import datetime

import duckdb

from ml import core

# what a change of the future means for each table; a row of the past is never touched
_LATER = {
    "twin_measurement": "known_at > $t",
    "twin_condition": "known_at > $t",
    "twin_medication": "known_at > $t",
    "twin_encounter": "known_at > $t",
    "twin_family_history": "known_at > $t",
    "twin_genome_score": "known_at > $t",
    "twin_genome_marker": "known_at > $t",
    "twin_wearable_day": "known_at > $t or local_date >= $t::date",
    "environment_day": "date >= $t::date",
    "twin_person_home": "valid_from >= $t::date",
}
_ALTERED = {
    "twin_measurement": {"value_std": "1000 + row_number() over ()", "event_at": "event_at - to_days(400)"},
    "twin_condition": {"event_at": "event_at - to_days(400)"},
    "twin_medication": {"event_at": "event_at - to_days(400)"},
    "twin_encounter": {"event_at": "event_at - to_days(400)"},
    "twin_family_history": {"concept": "concept || ' of another'"},
    "twin_genome_score": {"z": "z + 5"},
    "twin_genome_marker": {"value": "'altered'"},
    "twin_wearable_day": {"steps": "99999", "resting_heart_rate": "199", "sleep_minutes": "1"},
    "environment_day": {"pm2_5": "pm2_5 + 500"},
    "twin_person_home": {"region_id": "'another'"},
}
_VERSIONED = ("twin_measurement", "twin_condition", "twin_medication", "twin_encounter", "twin_family_history")


def copy(connection: duckdb.DuckDBPyConnection) -> None:
    """Keep the true tables beside the ones that are changed."""
    for name in core.CORE_COLUMNS:
        connection.execute(f"create temp table true_{name} as select * from {name}")
    restore(connection)


def restore(connection: duckdb.DuckDBPyConnection) -> None:
    """Show the true tables again."""
    for name in core.CORE_COLUMNS:
        connection.execute(f"create or replace temp view {name} as select * from true_{name}")


def _changed(connection: duckdb.DuckDBPyConnection, name: str, query: str, at: datetime) -> None:
    connection.execute(f"create or replace temp table changed_{name} as {query}", {"t": at})
    connection.execute(f"create or replace temp view {name} as select * from changed_{name}")


def alter(connection: duckdb.DuckDBPyConnection, at: datetime) -> None:
    """Change every row that was not known at ``at``, and when what was known then ended."""
    for name, columns in _ALTERED.items():
        later = _LATER[name]
        replaced = [
            f"case when {later} then {value} else {column} end as {column}" for column, value in columns.items()
        ]
        if name in _VERSIONED:
            replaced.append(
                "case when superseded_at > $t then superseded_at + to_days(1) else superseded_at end as superseded_at"
            )
        _changed(connection, name, f"select * replace ({', '.join(replaced)}) from true_{name}", at)
    _people(connection, at)


def truncate(connection: duckdb.DuckDBPyConnection, at: datetime) -> None:
    """Remove every row that was not known at ``at``, and what was learned later about the others."""
    for name, later in _LATER.items():
        kept = (
            "* replace (case when superseded_at <= $t then superseded_at end as superseded_at)"
            if name in _VERSIONED
            else "*"
        )
        _changed(connection, name, f"select {kept} from true_{name} where not ({later})", at)
    _people(connection, at)


def late(connection: duckdb.DuckDBPyConnection, at: datetime) -> None:
    """Add a copy of every fact, observed the day before ``at`` and known the day after; results with extreme values."""
    moved = "$t - to_days(1) as event_at, $t + to_days(1) as known_at, null::timestamp as superseded_at, 'insert' as op"
    for name, extreme in (
        ("twin_measurement", "value_std * 10 + 1000 as value_std, "),
        ("twin_condition", ""),
        ("twin_medication", ""),
    ):
        copied = f"select * replace ({extreme}{moved}) from true_{name}"
        _changed(connection, name, f"select * from true_{name} union all {copied}", at)


def _people(connection: duckdb.DuckDBPyConnection, at: datetime) -> None:
    """A death or a contact after ``at`` was not known then."""
    _changed(
        connection,
        "twin_person",
        "select * replace (case when death_date <= $t::date then death_date end as death_date,"
        " least(last_observed_at, $t::timestamp) as last_observed_at) from true_twin_person",
        at,
    )
