"""FHIR R4 out: NDJSON per resource type and a manifest, as a bulk export delivers them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from ehr.exchange.folder import Export, filling, size
from ehr.exchange.snapshot import SCHEMA, opened
from lake.settings import Settings

RESOURCES_PER_FILE = 200_000

TYPES = (
    "Patient",
    "Encounter",
    "Condition",
    "Observation",
    "MedicationRequest",
    "Procedure",
    "Immunization",
    "AllergyIntolerance",
    "DiagnosticReport",
    "FamilyMemberHistory",
    "Device",
    "ImagingStudy",
)


def export(
    settings: Settings, target: Path, *, known_at: datetime | None = None, snapshot: Path | None = None
) -> Export:
    """Write the published snapshot as FHIR R4 resources: ``<Type>.<nnn>.ndjson`` and ``manifest.json``.

    The manifest follows the Bulk Data Access guide (https://hl7.org/fhir/uv/bulkdata/export.html), with addresses
    relative to the folder.

    Args:
        known_at: the data as known at this moment (UTC); None: as known now.

    Raises:
        NothingToExport: nothing has been published.
        NotEmpty: the folder has other files.
    """
    about = {"format": "fhir", "fhir_version": "4.0.1", "known_at": known_at}
    now = datetime.now(UTC)
    rows: dict[str, int] = {}
    output = []
    with opened(settings, known_at, snapshot) as connection, filling(target, about) as draft:
        for resource_type in TYPES:
            rows[resource_type] = 0
            for name, count in _write(connection, resource_type, draft):
                output.append({"type": resource_type, "url": name, "count": count})
                rows[resource_type] += count
        moment = known_at.replace(tzinfo=UTC) if known_at else now
        manifest = {
            "transactionTime": moment.isoformat(),
            "request": "$export",
            "requiresAccessToken": False,
            "output": output,
            "error": [],
        }
        (draft / "manifest.json").write_bytes(orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
        written_bytes = size(draft)
    return Export("fhir", target, known_at, rows, {}, written_bytes)


def _write(connection: duckdb.DuckDBPyConnection, resource_type: str, folder: Path) -> list[tuple[str, int]]:
    """Write the resources of a type in files of a bounded size; none if there are none."""
    reader = connection.sql(f"select resource from {_relation(resource_type)} order by id").to_arrow_reader(50_000)
    written: list[tuple[str, int]] = []
    for batch in reader:
        if not written or written[-1][1] >= RESOURCES_PER_FILE:
            written.append((f"{resource_type}.{len(written):03d}.ndjson", 0))
        name, count = written[-1]
        lines = pa.LargeListArray.from_arrays(
            pa.array([0, batch.num_rows], pa.int64()), batch.column(0).cast(pa.large_string())
        )
        with (folder / name).open("ab") as file:
            file.write(pc.binary_join(lines, pa.scalar("\n", pa.large_string()))[0].as_buffer())
            file.write(b"\n")
        written[-1] = (name, count + batch.num_rows)
    return written


def _relation(resource_type: str) -> str:
    if resource_type == "Patient":
        return f"{SCHEMA}.fhir_patient"
    return f"(from {SCHEMA}.fhir_resource where resource_type = '{resource_type}')"
