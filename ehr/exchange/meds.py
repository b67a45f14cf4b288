"""MEDS 0.4 out: events in shards of whole subjects, codes, dataset description, splits if given."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import duckdb
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from ehr.exchange.folder import Export, filling, size
from ehr.exchange.snapshot import SCHEMA, opened
from lake.settings import Settings
from lake.sql import literal

MEDS_VERSION = "0.4.1"
SUBJECTS_PER_SHARD = 10_000

DATA = pa.schema(
    [
        pa.field("subject_id", pa.int64(), nullable=False),
        pa.field("time", pa.timestamp("us")),
        pa.field("code", pa.string(), nullable=False),
        pa.field("numeric_value", pa.float32()),
        pa.field("text_value", pa.large_string()),
        # ours; the standard allows more columns
        pa.field("unit", pa.string()),
        pa.field("end_time", pa.timestamp("us")),
        pa.field("available_time", pa.timestamp("us")),
        pa.field("event_id", pa.string()),
        pa.field("visit_id", pa.string()),
    ]
)
CODES = pa.schema(
    [
        pa.field("code", pa.string(), nullable=False),
        pa.field("description", pa.string()),
        pa.field("parent_codes", pa.list_(pa.string())),
    ]
)
SPLITS = pa.schema([pa.field("subject_id", pa.int64(), nullable=False), pa.field("split", pa.string(), nullable=False)])


class BadSplits(ValueError):
    """The file of splits does not have the columns that it needs."""


def export(
    settings: Settings,
    target: Path,
    *,
    known_at: datetime | None = None,
    splits: Path | None = None,
    snapshot: Path | None = None,
) -> Export:
    """Write the published snapshot as a MEDS dataset.

    ``time`` is when an event was true. What a model may use at a moment is what has ``available_time`` (our own column:
    when it was known; null where only a rule could say) up to then.

    Args:
        known_at: the data as known at this moment (UTC); None: as known now.
        splits: CSV or Parquet with ``person_id`` and ``split`` (train, tuning, held_out).

    Raises:
        NothingToExport: nothing has been published.
        NotEmpty: the folder has other files.
        BadSplits: the splits lack a column.
    """
    about = {"format": "meds", "meds_version": MEDS_VERSION, "known_at": known_at}
    rows: dict[str, int] = {}
    with opened(settings, known_at, snapshot) as connection, filling(target, about) as draft:
        (draft / "data").mkdir()
        (draft / "metadata").mkdir()
        bounds = connection.execute(
            f"select min(subject_id), max(subject_id) from (select subject_id, (row_number() over (order by subject_id)"
            f" - 1) // {SUBJECTS_PER_SHARD} as shard from (select distinct subject_id from {SCHEMA}.meds_data))"
            " group by shard order by shard"
        ).fetchall()
        for number, (first, last) in enumerate(bounds or [(0, -1)]):
            name = f"data/{number}.parquet"
            columns = ", ".join(DATA.names)
            query = (
                f"select {columns} from {SCHEMA}.meds_data where subject_id between {first} and {last}"
                " order by subject_id, time nulls first, code, event_id"
            )
            rows[name] = _write(connection, query, DATA, draft / name)
        query = f"select code, description, parent_codes from {SCHEMA}.meds_codes order by code"
        rows["metadata/codes.parquet"] = _write(connection, query, CODES, draft / "metadata" / "codes.parquet")
        if splits is not None:
            rows["metadata/subject_splits.parquet"] = _write(
                connection, _splits(connection, splits), SPLITS, draft / "metadata" / "subject_splits.parquet"
            )
        (draft / "metadata" / "dataset.json").write_bytes(orjson.dumps(_metadata(), option=orjson.OPT_INDENT_2))
        left_out = connection.execute(
            f"select count(*) filter (event_at is null), count(*) filter (event_at is not null and code is null and"
            f" display is null) from {SCHEMA}.interop_fact"
        ).fetchall()[0]
        written_bytes = size(draft)
    reasons = ("facts without a time", "facts without a code")
    missing = {reason: int(number) for reason, number in zip(reasons, left_out, strict=True) if number}
    return Export("meds", target, known_at, rows, missing, written_bytes)


def _write(connection: duckdb.DuckDBPyConnection, query: str, schema: pa.Schema, path: Path) -> int:
    rows = 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for batch in connection.sql(query).to_arrow_reader(100_000):
            writer.write_table(pa.Table.from_batches([batch]).cast(schema))
            rows += batch.num_rows
    return rows


def _splits(connection: duckdb.DuckDBPyConnection, splits: Path) -> str:
    read = "read_parquet" if splits.suffix == ".parquet" else "read_csv"
    relation = f"{read}({literal(splits)})"
    columns = {row[0] for row in connection.execute(f"describe from {relation}").fetchall()}
    if not {"person_id", "split"} <= columns:
        raise BadSplits(f"{splits} has columns {', '.join(sorted(columns))}; person_id and split are needed")
    return (
        f"select people.subject_id, cast(splits.split as varchar) as split from {relation} as splits"
        f" inner join {SCHEMA}.interop_person as people on people.person_id = cast(splits.person_id as varchar)"
        " order by 1"
    )


def _metadata() -> dict[str, object]:
    return {
        "dataset_name": "human-twin",
        "dataset_version": datetime.now(UTC).strftime("%Y-%m-%d"),
        "etl_name": "human-twin",
        "etl_version": version("human-twin"),
        "meds_version": MEDS_VERSION,
        "created_at": datetime.now(UTC).isoformat(),
        "raw_source_id_columns": ["event_id", "visit_id"],
        "code_modifier_columns": ["unit"],
        "other_extension_columns": ["end_time", "available_time"],
    }
