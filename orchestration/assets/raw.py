"""Raw assets: one per format. A partition is a delivery; its files become immutable typed Parquet, or are refused."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence

import dagster as dg
import pyarrow as pa

from lake.ingest import ingest
from lake.manifest import Entry
from lake.reader import Reader
from lake.settings import Settings
from orchestration import rooms
from orchestration.deliveries import UNRECOGNISED, recall
from orchestration.partitions import DELIVERY
from orchestration.resources import Home

OWNERS = ["team:data-engineering"]
GROUPS = {"ehr": "ehr", "wearables": "wearables", "genomics": "genome"}
RETRY = dg.RetryPolicy(max_retries=2, delay=2, backoff=dg.Backoff.EXPONENTIAL)
"""Reading a shared drop zone can fail for a moment; ingesting the same file again is a no-op."""


def key_of(format_name: str) -> dg.AssetKey:
    """The asset of a format."""
    return dg.AssetKey(["raw", format_name])


def assets() -> list[dg.AssetsDefinition]:
    """One asset per reader, and one for files that no reader knows."""
    known = [
        _asset(
            reader.name,
            group=GROUPS[room],
            description=_description(reader),
            columns=reader.tables[0].raw_schema if len(reader.tables) == 1 else None,
        )
        for room in rooms.READER_ROOMS
        for reader in rooms.readers_of(room)
    ]
    unknown = _asset(
        UNRECOGNISED,
        group="landing",
        description="One entry per landed file that no reader recognises. Each is refused with a reason;"
        " nothing of it enters the lake. `twin sources` lists what can be landed.",
        columns=None,
    )
    return [*known, unknown]


def _description(reader: Reader) -> str:
    tables = "\n".join(f"- `{one.name}`: {one.description}" for one in reader.tables)
    return f"Typed rows of every landed file of format `{reader.name}`, as delivered. {reader.description}\n\n{tables}"


def _asset(name: str, *, group: str, description: str, columns: pa.Schema | None) -> dg.AssetsDefinition:
    key = key_of(name)

    @dg.asset(
        key=key,
        partitions_def=DELIVERY,
        group_name=group,
        kinds={"python", "parquet"},
        owners=OWNERS,
        description=description,
        retry_policy=RETRY,
        metadata={"dagster/column_schema": column_schema(columns)} if columns is not None else None,
        check_specs=[
            dg.AssetCheckSpec(
                "contract",
                asset=key,
                blocking=True,
                description="Great Expectations contract of the raw tables. Records that break it go to quarantine"
                " (warning); a file that breaks a critical expectation is refused whole (error).",
            ),
            dg.AssetCheckSpec(
                "every_record_accounted_for",
                asset=key,
                blocking=True,
                description="records read = accepted + rejected + ignored, for every file.",
            ),
            dg.AssetCheckSpec(
                "every_file_readable",
                asset=key,
                description="No file was refused whole. A refused file never stops the others.",
            ),
        ],
    )
    def raw(context: dg.AssetExecutionContext, home: Home) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        settings = home.settings()
        started = time.perf_counter()
        delivery = recall(settings, context.partition_key)
        entries = ingest(settings, rooms.readers(), rooms.contracts(), delivery.landed(settings, name))
        yield dg.MaterializeResult(asset_key=key, metadata=_metadata(settings, entries, time.perf_counter() - started))
        yield from _checks(key, entries)

    return raw


def column_schema(schema: pa.Schema) -> dg.TableSchema:
    """Show an Arrow schema in the UI."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                field.name,
                str(field.type),
                description=(field.metadata or {}).get(b"description", b"").decode() or None,
            )
            for field in schema
        ]
    )


def _metadata(
    settings: Settings, entries: Sequence[Entry], seconds: float
) -> dict[str, dg.MetadataValue | int | float]:
    """Counts only: no value of a person is ever shown in the UI."""
    rows: Counter[str] = Counter()
    for one in entries:
        rows.update(one.rows)
    return {
        "dagster/row_count": sum(rows.values()),
        "files": len(entries),
        "files_refused": sum(one.status == "rejected" for one in entries),
        "records_read": sum(one.records_read for one in entries),
        "records_rejected": sum(one.records_rejected for one in entries),
        "records_ignored": sum(sum(one.records_ignored.values()) for one in entries),
        "bytes": sum(one.bytes for one in entries),
        "seconds": round(seconds, 3),
        "tables": dg.MetadataValue.md(markdown_table(("table", "rows"), sorted(rows.items()))),
        "landed": dg.MetadataValue.md(
            markdown_table(
                ("file", "status", "read", "accepted", "rejected"),
                [
                    (one.path, one.reason or one.status, one.records_read, one.records_accepted, one.records_rejected)
                    for one in entries[:50]
                ],
            )
        ),
        "lake": dg.MetadataValue.path(str(settings.raw)),
    }


def _checks(key: dg.AssetKey, entries: Sequence[Entry]) -> Iterator[dg.AssetCheckResult]:
    breaches: Counter[str] = Counter()
    for one in entries:
        for breach in one.breaches:
            breaches[f"{breach.table}.{breach.column}: {breach.expectation} ({breach.severity})"] += breach.rows
    broken = [one for one in entries if one.reason == "contract_breached"]
    yield dg.AssetCheckResult(
        asset_key=key,
        check_name="contract",
        passed=not breaches,
        severity=dg.AssetCheckSeverity.ERROR if broken else dg.AssetCheckSeverity.WARN,
        metadata={
            "rows_checked": sum(one.contract_rows for one in entries),
            "breaches": dg.MetadataValue.md(markdown_table(("expectation", "rows"), sorted(breaches.items()))),
        },
    )
    unbalanced = [one for one in entries if not one.balanced or one.reason == "unbalanced"]
    yield dg.AssetCheckResult(
        asset_key=key,
        check_name="every_record_accounted_for",
        passed=not unbalanced,
        metadata={"files": dg.MetadataValue.md(markdown_table(("file",), [(one.path,) for one in unbalanced]))},
    )
    refused = [one for one in entries if one.status == "rejected"]
    yield dg.AssetCheckResult(
        asset_key=key,
        check_name="every_file_readable",
        passed=not refused,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "refused": dg.MetadataValue.md(
                markdown_table(
                    ("file", "reason", "what to do"), [(one.path, one.reason, one.detail) for one in refused[:50]]
                )
            )
        },
    )


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table; an empty one says so."""
    if not rows:
        return "none"
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    lines += ["| " + " | ".join(str(value).replace("|", "\\|") for value in row) + " |" for row in rows]
    return "\n".join(lines)
