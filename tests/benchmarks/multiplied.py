"""A population many times as large as one that was read: the same lives, each time under identities of their own.

Making and reading a hundred thousand people costs hours that say nothing about the warehouse. Here the raw Parquet of
a smaller population is written again, copy after copy, with other keys, birth dates, numbers and addresses; names stay,
as a region's names do. The warehouse cannot tell such people from others: they are as many, and as hard to link.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import duckdb

from lake import manifest
from lake.manifest import Entry
from lake.settings import Settings
from lake.sql import identifier, literal

KEYS = (
    "id",
    "patient_id",
    "encounter_id",
    "result_id",
    "person_key",
    "replaced_by",
    "mrn",
    "device_id",
    "serial_number",
)
NUMBERS = ("national_id", "phone", "address_line")
DAYS_APART = 41
"""Between the birth dates of a life's copies."""
DIGITS = "0123456789"
AT_MOST = len(DIGITS)
"""Copies whose numbers differ: digits are rotated."""


def multiply(source: Settings, target: Settings, entries: Iterable[Entry], times: int) -> int:
    """Write the raw rows of landed files ``times`` times into another home, with their manifest.

    Returns:
        Files written.
    """
    if not 1 <= times <= AT_MOST:
        raise ValueError(f"1 to {AT_MOST} times, not {times}")
    jobs = [(entry, copy) for entry in entries for copy in range(times)]
    with duckdb.connect() as connection, ThreadPoolExecutor(2) as hands:
        list(hands.map(lambda job: _write(connection.cursor(), source, target, *job), jobs))
    for entry, copy in jobs:
        manifest.write(target, replace(entry, file_id=_file_id(entry, copy), path=f"{entry.path}.{copy}"))
    return len(jobs)


def _write(connection: duckdb.DuckDBPyConnection, source: Settings, target: Settings, entry: Entry, copy: int) -> None:
    for table in entry.rows:
        place = target.raw / table / f"{_file_id(entry, copy)}.parquet"
        place.parent.mkdir(parents=True, exist_ok=True)
        rows = f"read_parquet({literal(source.raw / table / f'{entry.file_id}.parquet')})"
        kinds = connection.execute(f"describe from {rows}").fetchall()
        columns = ", ".join(_column(name, kind, entry, copy) for name, kind, *_ in kinds)
        connection.execute(
            f"copy (select {columns} from {rows}) to {literal(place)} (format parquet, compression zstd)"
        )


def _column(name: str, kind: str, entry: Entry, copy: int) -> str:
    value, turned = identifier(name), DIGITS[copy:] + DIGITS[:copy]
    if name == "file_id":
        value = literal(_file_id(entry, copy))
    elif copy and name in KEYS:
        value = f"{value} || '-{copy}'"
    elif copy and name in NUMBERS:
        value = f"translate({value}, '{DIGITS}', '{turned}')"
    elif copy and name == "email":
        value = f"'{copy}' || {value}"
    elif copy and name == "birth_date":
        value = f"coalesce((try_cast({value} as date) + {copy * DAYS_APART})::{kind}, {value})"
    return f"{value} as {identifier(name)}"


def _file_id(entry: Entry, copy: int) -> str:
    return hashlib.sha256(f"{entry.file_id} {copy}".encode()).hexdigest() if copy else entry.file_id
