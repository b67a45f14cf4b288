"""Peers of the genome readers. They run in an environment of their own and import nothing of this project."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import Any

from tests.benchmarks import cost


def bgzip(path: str) -> dict[str, Any]:
    """htslib's bgzip, with libdeflate, decompressing to nowhere."""
    return cost.of(lambda: subprocess.run(["bgzip", "-dc", path], stdout=subprocess.DEVNULL, check=True)).row()


def polars_bio(path: str) -> dict[str, Any]:
    """polars-bio to Parquet: the fixed columns without INFO, and GT, DP, GQ as texts and numbers."""
    import polars_bio

    def write() -> None:
        with tempfile.TemporaryDirectory() as scratch:
            lines = polars_bio.scan_vcf(path, info_fields=[], format_fields=["GT", "DP", "GQ"])
            lines.sink_parquet(Path(scratch) / "genome.parquet")

    return cost.of(write).row()


def cyvcf2_columns(path: str) -> dict[str, Any]:
    """cyvcf2 record by record, taking chromosome, position, alleles and genotype type; nothing is written."""
    from cyvcf2 import VCF

    def read() -> int:
        return len([(one.CHROM, one.POS, one.REF, one.ALT, int(one.gt_types[0])) for one in VCF(path)])

    found = cost.of(read)
    return {**found.row(), "rows": found.result}


def cyvcf2_dosages(path: str) -> dict[str, Any]:
    """cyvcf2's fastest way to the dosages of a cohort."""
    from cyvcf2 import VCF

    def read() -> int:
        return sum(int((variant.gt_types != 2).size) for variant in VCF(path, gts012=True))

    found = cost.of(read)
    return {**found.row(), "rows": found.result}
