"""FHIR NDJSON → raw Parquet, in CPU seconds: against DuckDB's own typed read, ``fhir.resources``, and many small files.

Input: the Observations of ten Synthea patients (../shared/data/ehr/fhir_synthea_pathling) repeated with new ids to
about 500 MB (``TWIN_BENCH_FHIR_MB``). Our work includes the look into landing with its sha256, counting lines, keeping
decimals as written, 37 columns and one row per component and coding (1.9 rows per record here), zstd Parquet, and the
manifest. "DuckDB's own typed read" can mean four things, and all are measured, each a ``read_ndjson`` with explicit
structs: 15 columns flattened, one row per record, as in the reference measurement, or the elements that our view reads,
as they are; each into memory or to zstd Parquet, which is what we have to do. Steps that no peer takes are timed on
their own.

``fhir.resources`` makes validated objects in memory of a sample, and nothing else. The same work of ours is the strict
typed read of lines into structs with the look for what changes their meaning (``of ours: read and checked``); the whole
landing, which also hashes, keeps decimals, flattens and writes, is put beside it too.
"""

from __future__ import annotations

import gzip
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.benchmarks import cost

SHARED = cost.ROOT.parent / "shared" / "data" / "ehr" / "fhir_synthea_pathling" / "Observation.ndjson.gz"
UUID = re.compile(r"([0-9a-f]{8})(-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})")
MB = 1_000_000
SAMPLE = 5_000
TIMES = 3
"""Each measurement is made so often, in turns, and the least counts: machines are busy with other things too."""
SMALL_FILES, SMALL_BYTES = 1_000, 100_000
COLUMNS = {
    "id": "VARCHAR",
    "status": "VARCHAR",
    "meta": 'STRUCT("lastUpdated" VARCHAR)',
    "category": "STRUCT(coding STRUCT(system VARCHAR, code VARCHAR)[])[]",
    "code": 'STRUCT(coding STRUCT(system VARCHAR, code VARCHAR, display VARCHAR)[], "text" VARCHAR)',
    "subject": 'STRUCT("reference" VARCHAR)',
    "encounter": 'STRUCT("reference" VARCHAR)',
    "effectiveDateTime": "VARCHAR",
    "issued": "VARCHAR",
    "valueQuantity": 'STRUCT("value" DOUBLE, unit VARCHAR, system VARCHAR, code VARCHAR)',
    "valueString": "VARCHAR",
}
FLAT = """
    id, status, meta."lastUpdated" as last_updated, category[1].coding[1].code as category,
    code.coding[1].system as code_system, code.coding[1].code as code, code."text" as code_text,
    subject."reference" as patient, encounter."reference" as encounter, "effectiveDateTime" as effective, issued,
    "valueQuantity"."value" as value_num, "valueQuantity".unit as unit, "valueQuantity".code as unit_code,
    "valueString" as value_text
"""
PARQUET = "format parquet, compression zstd, compression_level 3"
PEERS = {
    "15 columns": "columns_in_memory",
    "15 columns to Parquet": "columns_to_parquet",
    "same elements": "elements_in_memory",
    "same elements to Parquet": "elements_to_parquet",
}
CHECKED = "of ours: read and checked"
STEPS = {"of ours: sha256": "sha256", "of ours: lines and marks": "look", CHECKED: "read_and_check"}
VALIDATE = """
import sys, time
from fhir.resources.R4B.observation import Observation
lines = open(sys.argv[1], "rb").read().splitlines()
Observation.model_validate_json(lines[0])
start = time.process_time()
for line in lines:
    Observation.model_validate_json(line)
print(time.process_time() - start)
from importlib.metadata import version
print(version("fhir.resources"))
"""


def measure() -> list[dict[str, Any]]:
    """Run all comparisons; each in a process of its own where memory and imports matter.

    Raises:
        FileNotFoundError: the shared data is not beside the checkout.
    """
    wanted = float(os.environ.get("TWIN_BENCH_FHIR_MB", "500")) * MB
    with tempfile.TemporaryDirectory(dir=os.environ.get("TWIN_BENCH")) as scratch:
        folder = Path(scratch)
        big = folder / "big" / "Observation.ndjson"
        lines, size = _write(big, wanted)
        alone = {name: f"tests.benchmarks.ehr_fhir:{name}" for name in [*PEERS.values(), *STEPS.values()]}
        landed, apart = [], []
        for number in range(TIMES):
            landed.append(_ours(_home(folder / f"home{number}", big), "FHIR to raw Parquet", lines, size))
            apart.append({name: cost.apart(target, str(big)) for name, target in alone.items()})
        ours = _least(landed)
        least = {name: _least([one[name] for one in apart]) for name in alone}
        rows = [ours]
        for stage, function in PEERS.items():
            peer = least[function]
            row = {"stage": f"DuckDB typed read, {stage}", **peer, "rows": lines, "mb": round(size / MB)}
            rows.append(_compare(row, "we take of it", ours["cpu_s"] / peer["cpu_s"], "≤ 2x", lambda ratio: ratio <= 2))
        for stage, function in STEPS.items():
            rows.append({"stage": stage, **least[function], "rows": lines})
        rows += _fhir_resources(big, folder, {"read and checked": rows[-1], "landed": ours}, lines)
        big.unlink()
        rows += _small_files(folder)
    return rows


def _home(home: Path, file: Path) -> Path:
    """A new home in whose landing folder the file lies."""
    place = home / "landing" / "hospital" / file.name
    place.parent.mkdir(parents=True)
    place.hardlink_to(file)
    return home


def _least(runs: list[dict[str, Any]]) -> dict[str, Any]:
    return min(runs, key=lambda run: run["cpu_s"])


def _ours(home: Path, stage: str, lines: int, size: int) -> dict[str, Any]:
    found = cost.apart("tests.benchmarks.ehr_fhir:ingest", str(home))
    if found.pop("accepted") != lines:
        raise RuntimeError(f"{stage}: not all of {lines:,} records were accepted")
    return {"stage": stage, **found, "rows": lines, "mb": round(size / MB)}


def ingest(home: str) -> dict[str, Any]:
    """Look into landing, which hashes what is new, and ingest it. Imports are not counted."""
    import pyarrow as pa

    from ehr.readers import READERS
    from lake import landing
    from lake.ingest import ingest as run
    from lake.settings import Settings

    pa.array([0])  # imports pandas
    settings = Settings(home=Path(home))
    found = cost.of(lambda: run(settings, READERS, {}, landing.pending(settings)))
    return {**found.row(), "accepted": sum(one.records_accepted for one in found.result)}


def columns_in_memory(path: str) -> dict[str, Any]:
    """DuckDB alone: the same bytes into typed structs, 15 columns of them kept in memory."""
    return _duckdb(f"create table flat as {_flat(path)}")


def columns_to_parquet(path: str) -> dict[str, Any]:
    """The same 15 columns, written as we write."""
    return _duckdb(f"copy ({_flat(path)}) to '{path}.parquet' ({PARQUET})")


def elements_in_memory(path: str) -> dict[str, Any]:
    """DuckDB alone: the elements that the view of Observation reads, as structs in memory."""
    return _duckdb(f"create table structs as {_structs(path)}")


def elements_to_parquet(path: str) -> dict[str, Any]:
    """The same elements, written as we write."""
    return _duckdb(f"copy ({_structs(path)}) to '{path}.parquet' ({PARQUET})")


def sha256(path: str) -> dict[str, Any]:
    """The content's address alone."""
    from lake import files

    return cost.of(lambda: files.sha256(Path(path))).row()


def look(path: str) -> dict[str, Any]:
    """Lines counted and modifiers looked for."""
    from ehr.fhir import lines

    return cost.of(lambda: lines.look(Path(path))).row()


def read_and_check(path: str) -> dict[str, Any]:
    """Every line as structs of the elements that the view reads, strictly, once we have looked for modifiers."""
    import duckdb

    from ehr.fhir import lines, typed

    with duckdb.connect(":memory:") as connection:
        connection.execute("set enable_progress_bar = false")

        def run() -> None:
            found = lines.look(Path(path))
            absent = typed.absent_from(Path(path), "Observation")
            connection.execute(f"create table structs as {_structs(path, absent)}")
            if found.is_marked or connection.execute("select count(*) from structs").fetchone() != (found.lines,):
                raise RuntimeError("not a clean file")

        return cost.of(run).row()


def _flat(path: str) -> str:
    typed = ", ".join(f"'{name}': '{kind}'" for name, kind in COLUMNS.items())
    return f"select {FLAT} from read_ndjson('{path}', columns = {{{typed}}})"


def _structs(path: str, absent: frozenset[str] = frozenset()) -> str:
    from ehr.fhir import views
    from ehr.fhir.source import ndjson

    return f"select * from {ndjson([path], views.plan('Observation', absent).columns)}"


def _duckdb(statement: str) -> dict[str, Any]:
    import duckdb

    with duckdb.connect(":memory:") as connection:
        connection.execute("set enable_progress_bar = false")
        return cost.of(lambda: connection.execute(statement)).row()


def _fhir_resources(path: Path, folder: Path, ours: dict[str, dict[str, Any]], lines: int) -> list[dict[str, Any]]:
    sample, count = folder / "sample.ndjson", min(SAMPLE, lines)
    with path.open("rb") as source:
        sample.write_bytes(b"".join(next(source) for _ in range(count)))
    command = [os.environ.get("TWIN_BENCH_FHIR_PYTHON", sys.executable), "-c", VALIDATE, str(sample)]
    runs = [subprocess.run(command, capture_output=True, text=True, check=False) for _ in range(TIMES)]
    if any(done.returncode for done in runs):
        return [{"stage": "fhir.resources", "peer": "not installed: pip install fhir.resources==8.3.0"}]
    (seconds, version), *_ = sorted((float(took), version) for took, version in (one.stdout.split() for one in runs))
    rows = []
    for work, row in ours.items():
        peer = {"stage": f"fhir.resources {version}, {count:,} records validated", "cpu_s": round(seconds, 2)}
        faster = (seconds / count) / (row["cpu_s"] / lines)
        label = f"slower per record than ours {work}, by"
        rows.append(_compare({**peer, "rows": count}, label, faster, "≥ 20x", lambda ratio: ratio >= 20))
    return rows


def _small_files(folder: Path) -> list[dict[str, Any]]:
    count, size, parts = 0, 0, []
    for part in _copies():
        parts.append(part)
        size += len(part)
        if size >= SMALL_FILES * SMALL_BYTES:
            break
    whole = b"".join(parts).splitlines(keepends=True)
    one, many = (folder / name / "landing" / "hospital" for name in ("one", "many"))
    one.mkdir(parents=True)
    many.mkdir(parents=True)
    (one / "Observation.ndjson").write_bytes(b"".join(whole))
    per_file = len(whole) // SMALL_FILES + 1
    for start in range(0, len(whole), per_file):
        (many / f"Observation.{count:04}.ndjson").write_bytes(b"".join(whole[start : start + per_file]))
        count += 1
    together = _ours(folder / "one", "the same as one file", len(whole), size)
    apart = _ours(folder / "many", f"{count:,} files of {size // count // 1000} KB", len(whole), size)
    _compare(apart, "one file", apart["cpu_s"] / together["cpu_s"], "≤ 3x", lambda ratio: ratio <= 3)
    return [apart, together]


def _compare(row: dict[str, Any], peer: str, ratio: float, budget: str, holds: Any) -> dict[str, Any]:
    row.update(peer=peer, ratio=round(ratio, 2), budget=budget, ok=bool(holds(ratio)))
    return row


def _copies() -> Iterator[bytes]:
    """The shared Observations again and again, each time as other people's: every UUID gets another first block."""
    pieces = UUID.split(gzip.decompress(SHARED.read_bytes()).decode())
    copy = 0
    while True:
        copy += 1
        for at in range(1, len(pieces), 3):
            pieces[at] = f"{copy:08x}"
        yield "".join(pieces).encode()


def _write(path: Path, size: float) -> tuple[int, int]:
    """Write copies until the file is large enough; returns lines and bytes."""
    path.parent.mkdir(parents=True)
    lines = written = 0
    with path.open("wb") as file:
        for part in _copies():
            file.write(part)
            lines += part.count(b"\n")
            written += len(part)
            if written >= size:
                return lines, written
    raise AssertionError("copies never end")


if __name__ == "__main__":
    from tests.benchmarks.report import table

    table("ehr_fhir", measure())
