"""Readers against the limit of their format: expat alone for Apple's XML, decompression alone for a VCF.

Inputs are made here, so that they need no data beside the checkout: a demo person's `export.xml` repeated under other
device names (``TWIN_BENCH_APPLE_MB``, 100), and one sample's VCF with the fields of a common caller
(``TWIN_BENCH_VCF_RECORDS``, 300,000; a real genome has more bytes in a record, which favours us). Decompression is
htslib's, through pysam: what ``bgzip -dc`` does. FHIR has an area of its own.
"""

from __future__ import annotations

import os
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks import cost, demo

MB = 1_000_000
APPLE_CPU_S_PER_GB, APPLE_PEAK_MB, APPLE_FASTER = 8.0, 400, 2.5
VCF_SLOWER = 4.5
VCF_INFO = ("BaseQRankSum", "FS", "MQ", "MQRankSum", "QD", "ReadPosRankSum", "SOR")
"""What a common caller writes about every record besides the depth: most of a VCF's bytes."""


def measure() -> list[dict[str, Any]]:
    """Each reader and each peer in a process of its own."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("TWIN_BENCH")) as scratch:
        return [*_apple(Path(scratch) / "apple"), *_vcf(Path(scratch) / "vcf")]


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


def _vcf(home: Path) -> list[dict[str, Any]]:
    import pysam

    count = int(os.environ.get("TWIN_BENCH_VCF_RECORDS", "300000"))
    _write_vcf(home / "small", 1000)
    path = _write_vcf(home / "big", count)
    packed = pysam.tabix_index(str(path), preset="vcf", force=True)
    size = Path(packed).stat().st_size
    ours = _ours("genomics", home / "small", home / "big")
    peer = cost.apart("tests.benchmarks.readers:decompress", packed)
    ratio = ours["cpu_s"] / peer["cpu_s"]
    row = {"stage": "VCF of one sample to raw Parquet", **ours, "mb": round(size / MB, 1), "peer": "bgzip -dc"}
    row |= {"ratio": round(ratio, 2), "budget": f"≤ {VCF_SLOWER}", "ok": ratio <= VCF_SLOWER}
    return [row, {"stage": "decompressed, nothing kept", **peer, "rows": count, "mb": round(size / MB, 1)}]


def _write_vcf(home: Path, count: int) -> Path:
    path = home / "landing" / "genome" / "sample.vcf"
    path.parent.mkdir(parents=True)
    random = np.random.default_rng(1)
    position = np.cumsum(random.integers(1, 800, count))
    alleles = [pair.split() for pair in ("A G", "C T", "G A", "T C", "A AT", "CTG C")]
    which, heterozygous = random.integers(0, len(alleles), count), random.random(count) < 0.6
    depth, quality = random.integers(12, 60, count), random.integers(20, 99, count)
    measured = np.round(random.normal(0, 1.5, (count, len(VCF_INFO))), 3)
    info = ";".join(f"{name}={{}}" for name in VCF_INFO)
    with path.open("w") as file:
        file.write("##fileformat=VCFv4.2\n##reference=GRCh38\n##contig=<ID=chr1,length=248956422,assembly=GRCh38>\n")
        file.write('##FILTER=<ID=PASS,Description="All filters passed">\n')
        for kind, name, number, type_ in [
            *(("INFO", name, "1", "Float") for name in VCF_INFO),
            *(("INFO", "DP", "1", "Integer"), ("FORMAT", "GT", "1", "String"), ("FORMAT", "AD", "R", "Integer")),
            *(("FORMAT", name, "1", "Integer") for name in ("DP", "GQ")),
            ("FORMAT", "PL", "G", "Integer"),
        ]:
            file.write(f'##{kind}=<ID={name},Number={number},Type={type_},Description="{name}">\n')
        file.write("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS1\n")
        for i in range(count):
            ref, alt = alleles[which[i]]
            dp, gq = depth[i], quality[i]
            call = f"0/1:{dp // 2},{dp - dp // 2}:{dp}:{gq}:{dp * 17},0,{dp * 19}"
            if not heterozygous[i]:
                call = f"1/1:0,{dp}:{dp}:{gq}:{dp * 31},{dp * 3},0"
            file.write(
                f"chr1\t{position[i]}\t.\t{ref}\t{alt}\t{dp * 23}.{gq}\tPASS\tDP={dp};{info.format(*measured[i])}"
                f"\tGT:AD:DP:GQ:PL\t{call}\n"
            )
    return path


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


def decompress(path: str) -> dict[str, Any]:
    """htslib's decompression, thrown away."""
    import pysam

    def read() -> None:
        with pysam.BGZFile(path, "rb") as file:
            while file.read(1 << 20):
                pass

    return cost.of(read).row()
