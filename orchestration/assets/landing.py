"""The landing manifest as tables: what arrived, and what was refused. Everything downstream starts here."""

import time
from collections import Counter
from collections.abc import Iterator

import dagster as dg

from lake import manifest
from lake.ingest import ingest
from lake.landing import pending
from orchestration import rooms, staleness
from orchestration.assets import raw
from orchestration.resources import Home

FILES = dg.AssetKey(["derived", manifest.LANDING_FILE.name])
REJECTED = dg.AssetKey(["derived", manifest.REJECTED_RECORD.name])


def assets() -> list[dg.AssetsDefinition]:
    """One asset writes both tables."""
    upstream = [key for one in raw.assets() for key in one.keys]

    @dg.multi_asset(
        name="landing_manifest",
        specs=[
            dg.AssetSpec(
                FILES,
                deps=upstream,
                group_name="landing",
                owners=raw.OWNERS,
                kinds={"python", "parquet"},
                description="One row per landed file: source, format, records read, accepted, rejected and ignored, and"
                " why it was refused. Files that still wait in landing are ingested first, so that a refresh started"
                " by hand never builds on half a drop zone.",
                metadata={"dagster/column_schema": raw.column_schema(manifest.LANDING_FILE.schema)},
            ),
            dg.AssetSpec(
                REJECTED,
                deps=upstream,
                group_name="landing",
                owners=raw.OWNERS,
                kinds={"python", "parquet"},
                description="One row per rejected record: file, position and reason; the record's text stays in"
                " quarantine.",
                metadata={"dagster/column_schema": raw.column_schema(manifest.REJECTED_RECORD.schema)},
            ),
        ],
        check_specs=[
            dg.AssetCheckSpec(
                "every_record_accounted_for",
                asset=FILES,
                blocking=True,
                description="Over all files ever landed: records read = accepted + rejected + ignored.",
            )
        ],
        retry_policy=raw.RETRY,
    )
    def landing_manifest(home: Home) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        settings = home.settings()
        started = time.perf_counter()
        rooms.ensure_typed_files(settings)
        late = ingest(settings, rooms.readers(), rooms.contracts(), pending(settings))
        # Files are taken in before the stage's fingerprint is: it depends on what then lies in the manifest.
        with staleness.running(settings, staleness.LANDING):
            rows = manifest.write_tables(settings)
        entries = manifest.entries(settings)
        reasons = Counter(one.reason for one in entries if one.status == "rejected")
        yield dg.MaterializeResult(
            asset_key=FILES,
            metadata={
                "dagster/row_count": rows[manifest.LANDING_FILE.name],
                "ingested_now": len(late),
                "files_refused": sum(reasons.values()),
                "refused": dg.MetadataValue.md(raw.markdown_table(("reason", "files"), sorted(reasons.items()))),
                "sources": dg.MetadataValue.md(
                    raw.markdown_table(("source", "files"), sorted(Counter(one.source for one in entries).items()))
                ),
                "seconds": round(time.perf_counter() - started, 3),
            },
        )
        yield dg.MaterializeResult(
            asset_key=REJECTED, metadata={"dagster/row_count": rows[manifest.REJECTED_RECORD.name]}
        )
        unbalanced = [one.path for one in entries if not one.balanced]
        yield dg.AssetCheckResult(
            asset_key=FILES,
            check_name="every_record_accounted_for",
            passed=not unbalanced,
            metadata={
                "read": sum(one.records_read for one in entries),
                "accepted": sum(one.records_accepted for one in entries),
                "rejected": sum(one.records_rejected for one in entries),
                "ignored": sum(sum(one.records_ignored.values()) for one in entries),
                "unbalanced": dg.MetadataValue.md(raw.markdown_table(("file",), [(path,) for path in unbalanced])),
            },
        )

    return [landing_manifest]
