"""A warehouse built in process from hand-made raw tables: what every test of the dbt project starts from."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from lake.settings import PROJECT_DIR
from orchestration.dbt import release

TRANSFORM = PROJECT_DIR / "transform"
ARROW = {
    "tinyint[]": pa.list_(pa.int8()),
    "varchar": pa.string(),
    "bigint": pa.int64(),
    "integer": pa.int32(),
    "smallint": pa.int16(),
    "tinyint": pa.int8(),
    "double": pa.float64(),
    "float": pa.float32(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us"),
    "date": pa.date32(),
}


def source_tables() -> dict[str, tuple[str, pa.Schema]]:
    """Every table that the project reads: name -> (layer, schema), from the sources' own YAML."""
    tables: dict[str, tuple[str, pa.Schema]] = {}
    for path in sorted(TRANSFORM.glob("models/**/*sources.yml")):
        for source in yaml.safe_load(path.read_text())["sources"]:
            layer = "derived" if "/derived/" in source["config"]["meta"]["external_location"] else "raw"
            for table in source["tables"]:
                columns = [pa.field(one["name"], ARROW[one["data_type"]]) for one in table["columns"]]
                tables[table["name"]] = (layer, pa.schema(columns))
    return tables


class Home:
    """A TWIN_HOME for tests: put rows into raw and derived tables, run dbt, query the build file."""

    parsed: ClassVar[dict[str, Path]] = {}
    """Which home holds the parsed project for a set of variables."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tables = source_tables()
        for name, (layer, schema) in self.tables.items():
            target = path / "lake" / layer / name / "_empty.parquet"
            target.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(schema.empty_table(), target)
        (path / "build").mkdir(parents=True, exist_ok=True)

    def put(self, table: str, rows: list[dict[str, Any]], part: str = "part") -> None:
        """Write rows as one Parquet file of the table; columns that are not named are null."""
        layer, schema = self.tables[table]
        columns = {name: [row.get(name) for row in rows] for name in schema.names}
        unknown = {name for row in rows for name in row} - set(schema.names)
        assert not unknown, f"{table} has no columns {sorted(unknown)}"
        pq.write_table(pa.table(columns, schema=schema), self.path / "lake" / layer / table / f"{part}.parquet")

    def dbt(self, *arguments: str) -> Any:
        """Run dbt in process; raises with the failing nodes' messages."""
        from dbt.cli.main import dbtRunner

        manifest = None if arguments[0] == "parse" else self._parsed(arguments)
        with environment(self.path):
            outcome = dbtRunner(manifest=manifest).invoke(
                [
                    "--no-version-check",
                    "--quiet",
                    "--log-level-file",
                    "none",
                    arguments[0],
                    "--project-dir",
                    str(TRANSFORM),
                    "--profiles-dir",
                    str(TRANSFORM),
                    "--target-path",
                    str(self.path / "build" / "dbt"),
                    "--log-path",
                    str(self.path / "build" / "logs"),
                    *arguments[1:],
                ]
            )
        release()
        results = getattr(outcome.result, "results", [])
        failed = [
            f"{one.node.name}: {one.message}" for one in results if one.status in ("error", "fail", "runtime error")
        ]
        assert outcome.success, "\n".join(failed) or str(outcome.exception)
        return outcome.result

    def _parsed(self, arguments: tuple[str, ...]) -> Any:
        """The parsed project, as the first home of this process parsed it: parsing costs as much as building."""
        from dbt.contracts.graph.manifest import Manifest
        from dbt.parser.manifest import extended_mashumuro_decoder

        variables = arguments[arguments.index("--vars") + 1] if "--vars" in arguments else "{}"
        first = Home.parsed.get(variables)
        if first is None:
            self.dbt("parse", "--vars", variables)
            first = Home.parsed[variables] = self.path
        packed = (first / "build" / "dbt" / "partial_parse.msgpack").read_bytes()
        manifest = Manifest.from_msgpack(packed, decoder=extended_mashumuro_decoder)
        for source in manifest.sources.values():
            for meta in (source.meta, source.source_meta, source.config.meta):
                for name, value in meta.items():
                    if isinstance(value, str):
                        meta[name] = value.replace(str(first), str(self.path))
        return manifest

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Read from the build file."""
        import duckdb

        with duckdb.connect(str(self.path / "build" / "twin.duckdb"), read_only=True) as connection:
            return connection.execute(sql).fetchall()


class environment:
    """Set what dbt reads from the environment, and put it back."""

    def __init__(self, home: Path) -> None:
        self.wanted = {"TWIN_HOME": str(home), "DO_NOT_TRACK": "1"}

    def __enter__(self) -> None:
        self.before = {name: os.environ.get(name) for name in self.wanted}
        os.environ.update(self.wanted)

    def __exit__(self, *_: object) -> None:
        for name, value in self.before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@pytest.fixture(scope="session")
def new_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Home]]:
    """Make a fresh home with typed empty tables."""
    return lambda: Home(tmp_path_factory.mktemp("twin_home"))
