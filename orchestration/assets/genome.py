"""What follows from the landed genomes: scores, diplotypes, markers, findings, sample quality."""

import time
from collections.abc import Iterator

import dagster as dg

from genomics.tables import DERIVED
from orchestration import rooms, staleness
from orchestration.assets import landing, raw
from orchestration.resources import Home


def assets() -> list[dg.AssetsDefinition]:
    """One step writes all derived tables of the genome; no VCF is read again."""
    upstream = [*(raw.key_of(reader.name) for reader in rooms.readers_of("genomics")), landing.FILES]

    @dg.multi_asset(
        name="genome",
        specs=[
            dg.AssetSpec(
                ["derived", table.name],
                deps=upstream,
                group_name="genome",
                owners=["team:genomics"],
                kinds={"python", "duckdb", "parquet"},
                description=table.description,
                metadata={"dagster/column_schema": raw.column_schema(table.schema)},
            )
            for table in DERIVED
        ],
    )
    def genome(home: Home) -> Iterator[dg.MaterializeResult]:
        from genomics.derive import derive

        settings = home.settings()
        started = time.perf_counter()
        with staleness.running(settings, staleness.GENOME):
            rows = derive(settings)
        seconds = round(time.perf_counter() - started, 3)
        for table in DERIVED:
            yield dg.MaterializeResult(
                asset_key=["derived", table.name],
                metadata={"dagster/row_count": rows[table.name], "seconds_all_tables": seconds},
            )

    return [genome]
