"""Publishing: the one step that analysts see. The snapshot is swapped in whole, behind blocking checks."""

import time
from collections.abc import Iterator, Sequence
from datetime import timedelta

import dagster as dg
import duckdb

from lake import deid, dq, publish, publish_log, warehouse
from lake.settings import Settings
from orchestration import privacy, staleness
from orchestration.assets.raw import markdown_table
from orchestration.resources import Home

SNAPSHOT = dg.AssetKey(["published", "snapshot"])
DEIDENTIFIED = dg.AssetKey(["published", "snapshot_deid"])


def assets(upstream: Sequence[dg.AssetKey]) -> list[dg.AssetsDefinition]:
    """The identified snapshot, from every mart and core table, and the de-identified one, from that."""

    @dg.asset(
        key=SNAPSHOT,
        deps=upstream,
        group_name="published",
        owners=["team:data-engineering", "team:analytics"],
        kinds={"duckdb"},
        description="One DuckDB file with the core tables and all marts, read-only, replaced atomically: readers of"
        " the previous snapshot are not disturbed and never see half a build. Research use, not for care.",
        freshness_policy=dg.FreshnessPolicy.time_window(
            fail_window=timedelta(hours=36), warn_window=timedelta(hours=26)
        ),
        retry_policy=dg.RetryPolicy(max_retries=1, delay=5),
        check_specs=[
            dg.AssetCheckSpec(
                "published_equals_marts",
                asset=SNAPSHOT,
                blocking=True,
                description="Every published table has as many rows as its table in the warehouse.",
            )
        ],
    )
    def snapshot(home: Home) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        settings = home.settings()
        started = time.perf_counter()
        publish.remove_drafts(settings)
        publication = publish.publish(settings)
        publish_log.note(settings, "identified", publication)
        dq.keep(settings)
        yield dg.MaterializeResult(
            metadata={
                "dagster/row_count": sum(publication.rows.values()),
                "tables": dg.MetadataValue.md(markdown_table(("table", "rows"), sorted(publication.rows.items()))),
                "bytes": publication.bytes,
                "path": dg.MetadataValue.path(str(publication.path)),
                "seconds": round(time.perf_counter() - started, 3),
            }
        )
        different = differences(settings, publication.rows)
        yield dg.AssetCheckResult(
            check_name="published_equals_marts",
            passed=not different,
            metadata={
                "tables": len(publication.rows),
                "different": dg.MetadataValue.md(
                    markdown_table(("table", "rows in the warehouse", "rows published"), different)
                ),
            },
        )

    @dg.asset(
        key=DEIDENTIFIED,
        deps=[SNAPSHOT],
        group_name="published",
        owners=["team:data-engineering", "team:analytics"],
        kinds={"duckdb"},
        description="The snapshot without what identifies people, by the tags of its columns (HIPAA Safe Harbor): keyed"
        " pseudonyms, dates shifted person by person, no free text, ages over 89 as 90, three-digit postal codes, no"
        " counts below 11. `twin deid report` says how well it hides people.",
        retry_policy=dg.RetryPolicy(max_retries=1, delay=5),
    )
    def snapshot_deid(home: Home) -> dg.MaterializeResult:
        settings = home.settings()
        with staleness.running(settings, staleness.PUBLISH):
            made = deid.deidentify(settings, privacy.rules(settings))
            publish_log.note(settings, "de-identified", made.publication)
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": sum(made.publication.rows.values()),
                "tables": len(made.publication.rows),
                "left_out": ", ".join(made.left_out),
                "rows_too_small_to_show": made.suppressed_rows,
                "bytes": made.publication.bytes,
                "path": dg.MetadataValue.path(str(made.publication.path)),
            }
        )

    return [snapshot, snapshot_deid]


def differences(settings: Settings, published: dict[str, int]) -> list[tuple[str, int, int]]:
    """Tables whose snapshot, opened as a reader would, does not have the warehouse's rows."""
    with warehouse.writing(settings) as connection:
        expected = {name: _count(connection, name) for name in published}
    with warehouse.reading(settings) as connection:
        found = {name: _count(connection, name) for name in published}
    return [(name, expected[name], found[name]) for name in sorted(published) if expected[name] != found[name]]


def _count(connection: duckdb.DuckDBPyConnection, name: str) -> int:
    schema, table = name.split(".", 1)
    row = connection.execute(f'select count(*) from "{schema}"."{table}"').fetchone()
    return int(row[0]) if row else 0
