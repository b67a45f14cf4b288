"""Exports of the snapshot for other systems: made when somebody asks for them, never by a refresh."""

import time
from collections.abc import Callable

import dagster as dg

from ehr.exchange import fhir, meds, omop
from ehr.exchange.folder import Export
from ehr.exchange.lossy import NOT_CARRIED
from orchestration.assets.publish import SNAPSHOT
from orchestration.assets.raw import markdown_table
from orchestration.resources import Home

DESCRIPTIONS = {
    "omop": "One Parquet file per table of the OMOP CDM 5.4, from the published snapshot.",
    "meds": "One MEDS 0.4 dataset of the published snapshot: events by subject and time, codes, description.",
    "fhir": "One NDJSON file per FHIR R4 resource type of the published snapshot, with the manifest of a bulk export.",
}


def assets() -> list[dg.AssetsDefinition]:
    """One asset per format."""
    return [_asset("omop", omop.export), _asset("meds", meds.export), _asset("fhir", fhir.export)]


def _asset(name: str, export: Callable[..., Export]) -> dg.AssetsDefinition:
    lost = "\n".join(f"- {one}" for one in NOT_CARRIED[name])

    @dg.asset(
        key=dg.AssetKey(["published", name]),
        deps=[SNAPSHOT],
        group_name="exports",
        owners=["team:data-engineering"],
        kinds={"duckdb", "ndjson" if name == "fhir" else "parquet"},
        description=f"{DESCRIPTIONS[name]} Materialize it when it is wanted; `twin export {name} DIR` writes the same"
        f" anywhere and as of any moment. Research use, not for care.\n\nWhat the format cannot carry:\n\n{lost}",
    )
    def exported(home: Home) -> dg.MaterializeResult:
        settings = home.settings()
        started = time.perf_counter()
        done = export(settings, settings.published / name)
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": sum(done.rows.values()),
                "files": dg.MetadataValue.md(markdown_table(("file", "rows"), sorted(done.rows.items()))),
                "left_out": dg.MetadataValue.md(markdown_table(("reason", "number"), sorted(done.left_out.items()))),
                "bytes": done.bytes,
                "path": dg.MetadataValue.path(str(done.path)),
                "seconds": round(time.perf_counter() - started, 3),
            }
        )

    return exported
