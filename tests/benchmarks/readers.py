"""The reader of Apple's XML against the limit of its format: expat alone. What genomes cost stands in `genomics`, FHIR
has an area of its own.

The input is made here, so that it needs no data beside the checkout: a demo person's `export.xml` repeated under other
device names (``TWIN_BENCH_APPLE_MB``, 100).
"""

from __future__ import annotations

import os
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from tests.benchmarks import cost, demo

MB = 1_000_000
APPLE_CPU_S_PER_GB, APPLE_PEAK_MB, APPLE_FASTER = 8.0, 400, 2.5


def measure() -> list[dict[str, Any]]:
    """The reader and its peer, each in a process of its own."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("TWIN_BENCH")) as scratch:
        return _apple(Path(scratch) / "apple")


def _apple(home: Path) -> list[dict[str, Any]]:
    from lake.settings import Settings
    from synthetic import generate

    small = Settings(home=home / "small")
    generate(small, 20, demo.SEED, {"enrolment", "wearables"})
    with zipfile.ZipFile(max(small.landing.glob("apple_health/*/*.zip"), key=lambda path: path.stat().st_size)) as dump:
        (text,) = (dump.read(name) for name in dump.namelist() if name.endswith("export.xml"))
    start, end = text.index(b" <Record "), text.index(b"</HealthData>")
    body = text[start:end]
    copies = max(round(float(os.environ.get("TWIN_BENCH_APPLE_MB", "100")) * MB / len(body)), 1)
    export = home / "big" / "landing" / "apple_health" / "account=a" / "export.xml"
    export.parent.mkdir(parents=True)
    with export.open("wb") as file:
        file.write(text[:end])
        for copy in range(1, copies):
            # other devices, so that nothing is a duplicate
            file.write(body.replace(b'sourceName="', b'sourceName="%d ' % copy))
        file.write(b"</HealthData>\n")
    ours, peer = _ours("wearables", home / "small", home / "big"), cost.apart("tests.benchmarks.readers:expat", export)
    size, faster = export.stat().st_size, peer["cpu_s"] / ours["cpu_s"]
    per_gb = ours["cpu_s"] * 1e9 / size
    note = f"{per_gb:.1f} CPU s per GB"
    row = {"stage": f"Apple export.xml to raw Parquet, {note}", **ours, "mb": round(size / MB)}
    row |= {"peer": "expat alone; ours is faster by", "ratio": round(faster, 2)}
    row |= {"budget": f"≥ {APPLE_FASTER}, ≤ {APPLE_CPU_S_PER_GB:g} CPU s/GB, ≤ {APPLE_PEAK_MB} MB"}
    row |= {"ok": faster >= APPLE_FASTER and per_gb <= APPLE_CPU_S_PER_GB and ours["peak_mb"] <= APPLE_PEAK_MB}
    return [row, {"stage": "expat, nothing kept", **peer, "rows": None, "mb": round(size / MB)}]


def _ours(room: str, small: Path, big: Path) -> dict[str, Any]:
    found = cost.apart("tests.benchmarks.readers:ingested", room, small, big)
    if not found["rows"]:
        raise RuntimeError(f"nothing was accepted: {found['refused']}")
    del found["refused"]
    return found


def ingested(room: str, small: str, big: str) -> dict[str, Any]:
    """Take in everything under a home, after a small one: imports are paid once per run and not counted."""
    from importlib import import_module

    from lake import landing
    from lake.ingest import ingest
    from lake.settings import Settings

    warm, settings = Settings(home=Path(small)), Settings(home=Path(big))
    readers = import_module(f"{room}.readers").READERS
    ingest(warm, readers, {}, landing.pending(warm))
    pending = landing.pending(settings)  # which has hashes of its own
    found = cost.of(lambda: ingest(settings, readers, {}, pending))
    refused = [(one.reason, one.detail) for one in found.result if one.status == "rejected"]
    return {**found.row(), "rows": sum(one.records_accepted for one in found.result), "refused": refused}


def expat(path: str) -> dict[str, Any]:
    """Python's expat with one handler that does nothing but count: the least that any XML parser here can do."""
    from xml.parsers import expat

    def parse() -> int:
        seen = 0

        def begin(_name: str, _attributes: dict[str, str]) -> None:
            nonlocal seen
            seen += 1

        parser = expat.ParserCreate()
        parser.StartElementHandler = begin
        with Path(path).open("rb") as file:
            parser.ParseFile(file)
        return seen

    return cost.of(parse).row()
