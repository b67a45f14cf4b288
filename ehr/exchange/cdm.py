"""An OMOP CDM export opened as a database, and loaded into the official data definition."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from ehr.extract.tables import OMOP
from lake.sql import literal

_DDL = ("OMOPCDM_duckdb_5.4_ddl.sql", "OMOPCDM_duckdb_5.4_primary_keys.sql", "OMOPCDM_duckdb_5.4_constraints.sql")
_FOREIGN_KEY = re.compile(
    r"ALTER TABLE \S+?\.(\w+) ADD CONSTRAINT (\w+) FOREIGN KEY \((\w+)\) REFERENCES \S+?\.(\w+) \((\w+)\)",
    re.IGNORECASE,
)


class NotACdm(ValueError):
    """The folder has no table of the CDM."""


class NoSpecification(FileNotFoundError):
    """The folder with the official files lacks one."""


@dataclass(frozen=True)
class KeyViolation:
    """A constraint that does not hold: how many rows break it."""

    table: str
    constraint: str
    rows: int


def files(folder: Path) -> dict[str, str]:
    """Table name → SQL that reads it, for every ``<table>.parquet`` or ``<table>.csv[.gz]`` of the CDM, in any case.

    Raises:
        NotACdm: there is none.
    """
    names = {table.name.removeprefix("omop_"): table for table in OMOP}
    found: dict[str, str] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        name, _, kind = path.name.lower().removesuffix(".gz").partition(".")
        if name not in names:
            continue
        if kind == "parquet":
            found[name] = f"select * from read_parquet({literal(path)})"
        elif kind == "csv":
            found[name] = f"select * from read_csv({literal(path)}, header = true, sample_size = 100000)"
    if not found:
        raise NotACdm(f"no table of the OMOP CDM in {folder}; expected files such as person.parquet or person.csv")
    return found


@contextmanager
def opened(folder: Path, threads: int | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a folder of CDM tables in memory, as the tables of the schema ``main``; column names in lower case."""
    connection = duckdb.connect(":memory:", config={"threads": threads} if threads else {})
    try:
        connection.execute("set timezone = 'UTC'")
        for name, query in files(folder).items():
            columns = [row[0] for row in connection.execute(f"describe {query}").fetchall()]
            renamed = ", ".join(f'"{column}" as "{column.lower()}"' for column in columns)
            connection.execute(f"create table {name} as select {renamed} from ({query})")
        yield connection
    finally:
        connection.close()


def load_into_ddl(
    folder: Path, specification: Path, threads: int | None = None
) -> tuple[dict[str, int], list[KeyViolation]]:
    """Load an export into the official DuckDB tables of CDM 5.4 and check its keys.

    The official primary keys are created, so that DuckDB itself refuses duplicates; the foreign keys are checked one by
    one, because DuckDB cannot add them to a table that exists.

    Args:
        specification: folder with OHDSI's ``OMOPCDM_duckdb_5.4_*.sql``.

    Returns:
        Rows per table, and the keys that do not hold.

    Raises:
        NoSpecification: a file of the specification is missing.
        duckdb.ConstraintException: a required value is missing.
        duckdb.ConversionException: a value does not have the column's type.
    """
    ddl, primary, foreign = (_script(specification, name) for name in _DDL)
    rows: dict[str, int] = {}
    broken: list[KeyViolation] = []
    with opened(folder, threads) as connection:
        connection.execute("create schema cdm")
        connection.execute(ddl)
        for name in files(folder):
            columns = [
                column
                for (column,) in connection.execute(
                    "select column_name from duckdb_columns() where schema_name = 'cdm' and table_name = ?", [name]
                ).fetchall()
            ]
            listed = ", ".join(f'"{column}"' for column in columns)
            connection.execute(f"insert into cdm.{name} ({listed}) select {listed.lower()} from main.{name}")
            counted = connection.execute(f"select count(*) from cdm.{name}").fetchone()
            rows[name] = int(counted[0]) if counted else 0
        for statement in filter(str.strip, primary.split(";")):
            try:
                connection.execute(statement)
            except duckdb.ConstraintException:
                table, constraint = re.findall(r"cdm\.(\w+)\s+ADD CONSTRAINT (\w+)", statement)[0]
                broken.append(KeyViolation(table.lower(), constraint, -1))
        for table, constraint, column, parent, key in _FOREIGN_KEY.findall(foreign):
            counted = connection.execute(
                f"select count(*) from cdm.{table} as child where child.{column} is not null and not exists"
                f" (select 1 from cdm.{parent} as parent where parent.{key} = child.{column})"
            ).fetchone()
            if counted and counted[0]:
                broken.append(KeyViolation(table.lower(), constraint, int(counted[0])))
    return rows, broken


def _script(specification: Path, name: str) -> str:
    path = specification / name
    if not path.exists():
        raise NoSpecification(
            f"{name} is not in {specification}; get it from OHDSI/CommonDataModel, inst/ddl/5.4/duckdb"
        )
    return path.read_text("utf-8").replace("@cdmDatabaseSchema", "cdm")
