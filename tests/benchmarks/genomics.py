"""Genomes: a panel of 1,000 sites, pharmacogenes of 1,000 people, dosages of a cohort, and peers where installed.

Inputs are made here: one sample of ``TWIN_BENCH_VCF_RECORDS`` records (300,000), and a cohort of 1,000 people with
``TWIN_BENCH_COHORT_RECORDS`` records (5,000). The peer cyvcf2 is no part of the project: ``pip install cyvcf2`` before
measuring, or its row is left out. What the reader of one genome costs against decompression stands in `readers`.
"""

from __future__ import annotations

import os
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks import cost
from tests.benchmarks.readers import _write_vcf

SITES, PEOPLE = 1000, 1000
PANEL_CPU_S, PGX_CPU_S, COHORT_FASTER = 0.5, 10.0, 5.0


def measure() -> list[dict[str, Any]]:
    """Each in a process of its own, after a small warm-up."""
    import pysam

    with tempfile.TemporaryDirectory(dir=os.environ.get("TWIN_BENCH")) as scratch:
        home = Path(scratch)
        single = _write_vcf(home / "single", int(os.environ.get("TWIN_BENCH_VCF_RECORDS", "300000")))
        packed = pysam.tabix_index(str(single), preset="vcf", force=True)
        cohort = _write_cohort(home / "cohort.vcf", int(os.environ.get("TWIN_BENCH_COHORT_RECORDS", "5000")))
        genes = _write_genes(home / "genes.vcf")
        panel = cost.apart("tests.benchmarks.genomics:panel", packed)
        pgx = cost.apart("tests.benchmarks.genomics:pharmacogenes", genes)
        ours = cost.apart("tests.benchmarks.genomics:dosages", cohort)
        rows = [
            {"stage": f"{SITES:,} sites of one genome by its index", **panel, "budget": f"≤ {PANEL_CPU_S} CPU s",
             "ok": panel["cpu_s"] <= PANEL_CPU_S},
            {"stage": f"own pharmacogenes of {PEOPLE:,} people", **pgx, "budget": f"≤ {PGX_CPU_S:g} CPU s",
             "ok": pgx["cpu_s"] <= PGX_CPU_S},
            {"stage": f"dosages of {PEOPLE:,} people", **ours},
        ]  # fmt: skip
        if find_spec("cyvcf2"):
            peer = cost.apart("tests.benchmarks.genomics:peer_dosages", cohort)
            faster = peer["cpu_s"] / max(ours["cpu_s"], 0.01)
            rows[-1] |= {"peer": "cyvcf2; ours is faster by", "ratio": round(faster, 1)}
            rows[-1] |= {"budget": f"≥ {COHORT_FASTER:g}", "ok": faster >= COHORT_FASTER}
            rows.append({"stage": "dosages, cyvcf2", **peer})
        return rows


def _write_cohort(path: Path, count: int) -> Path:
    random = np.random.default_rng(2)
    names = "\t".join(f"S{index}" for index in range(PEOPLE))
    with path.open("w") as file:
        file.write("##fileformat=VCFv4.2\n##contig=<ID=chr1,length=248956422>\n")
        file.write('##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n')
        file.write(f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{names}\n")
        for number in range(count):
            alleles = (random.random((PEOPLE, 2)) < random.beta(0.3, 1.5)).astype(int)
            calls = "\t".join(f"{first}|{second}" for first, second in alleles.tolist())
            file.write(f"chr1\t{1000 + 50 * number}\t.\tA\tG\t.\tPASS\t.\tGT\t{calls}\n")
    return path


def _write_genes(path: Path) -> Path:
    """Every site of the own definitions, with random calls of all people."""
    from genomics.builds import GRCH38
    from genomics.pgx.definitions import load_definitions

    random = np.random.default_rng(3)
    places = sorted(
        {
            (one.chrom, *site.places[GRCH38][:2], site.places[GRCH38][2][0], site.rsid)
            for one in load_definitions()
            for site in one.sites
        }
    )
    names = "\t".join(f"S{index}" for index in range(PEOPLE))
    contigs = sorted({chrom for chrom, *_ in places})
    with path.open("w") as file:
        file.write("##fileformat=VCFv4.2\n##reference=GRCh38\n")
        file.writelines(f"##contig=<ID=chr{chrom}>\n" for chrom in contigs)
        file.write('##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n')
        file.write(f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{names}\n")
        for chrom, pos, ref, alt, rsid in places:
            alleles = (random.random((PEOPLE, 2)) < 0.1).astype(int)
            calls = "\t".join(f"{first}/{second}" for first, second in alleles.tolist())
            file.write(f"chr{chrom}\t{pos}\t{rsid}\t{ref}\t{alt}\t.\tPASS\t.\tGT\t{calls}\n")
    return path


def panel(path: str) -> dict[str, Any]:
    """Read every so-and-so-many-th site of a genome; imports are paid before."""
    import pysam

    from genomics.panel import PanelSite
    from genomics.planner import read_panel

    with pysam.TabixFile(path) as file:
        positions = [int(line.split("\t", 2)[1]) for line in file.fetch()]
    step = max(len(positions) // SITES, 1)
    sites = tuple(PanelSite("1", position, "A", "G", None) for position in positions[::step][:SITES])
    read_panel(Path(path), {"GRCh38": sites[:1]})
    found = cost.of(lambda: read_panel(Path(path), {"GRCh38": sites}))
    return {**found.row(), "rows": found.result["genome_variant"].num_rows}


def pharmacogenes(path: str) -> dict[str, Any]:
    """Call all genes of all people."""
    from genomics.pgx.call import call_vcf

    found = cost.of(lambda: call_vcf(Path(path)))
    return {**found.row(), "rows": found.result[0].num_rows}


def dosages(path: str) -> dict[str, Any]:
    """The matrix, batch by batch."""
    from genomics.dosage import dosage_batches

    found = cost.of(lambda: sum(batch.matrix.size for batch in dosage_batches(Path(path))))
    return {**found.row(), "rows": found.result}


def peer_dosages(path: str) -> dict[str, Any]:
    """The same with cyvcf2's fastest way to dosages."""
    from cyvcf2 import VCF

    def read() -> int:
        return sum(int((variant.gt_types != 2).size) for variant in VCF(path, gts012=True))

    found = cost.of(read)
    return {**found.row(), "rows": found.result}
