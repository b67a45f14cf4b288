"""Runs of homozygosity, by bcftools roh's hidden Markov model (Narasimhan 2016, doi:10.1093/bioinformatics/btw044)."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.compute as pc

from genomics.bcftools import run
from genomics.builds import LENGTHS, canonical_contig

GENOTYPE_QUALITY = 30
"""Phred-scaled error of a genotype (bcftools' advice for called genotypes)."""

DEFAULT_FREQUENCY = 0.4
"""Alternate allele frequency where the file cannot tell it (bcftools' advice for single samples)."""

LEAST_SAMPLES = 50
"""From so many samples on, frequencies come from the file itself."""

LEAST_LENGTH = 1_500_000
"""Shorter runs are common in everybody (McQuillan 2008, doi:10.1016/j.ajhg.2008.08.007) and do not count for f_roh."""

LEAST_MARKERS = 100
"""Markers that such a run must have (PLINK's --homozyg-snp): between few markers any stretch looks homozygous."""

RUN_SCHEMA = pa.schema(
    [
        ("sample", pa.string()), ("chrom", pa.string()), ("start", pa.int64()), ("end", pa.int64()),
        ("length", pa.int64()), ("markers", pa.int64()), ("quality", pa.float64()),
    ]
)  # fmt: skip


def runs_of_homozygosity(path: Path, n_samples: int, *, default_frequency: float = DEFAULT_FREQUENCY) -> pa.Table:
    """Find the runs of every sample of a VCF or BCF.

    Args:
        path: the file; every assessed site counts, so a file of one genome should hold reference calls or be dense.
        n_samples: samples in the file.
        default_frequency: of the alternate allele, below ``LEAST_SAMPLES`` samples.

    Returns:
        ``RUN_SCHEMA``, in the file's order: start and end are the first and last marker, quality is Phred-scaled.

    Raises:
        BadFile: bcftools cannot read the file.
    """
    frequency = ["-e", "GT,-"] if n_samples >= LEAST_SAMPLES else ["--AF-dflt", str(default_frequency)]
    with TemporaryDirectory() as scratch:
        output = Path(scratch) / "runs.txt"
        run("roh", "-Or", f"-G{GENOTYPE_QUALITY}", *frequency, str(path), output=output)
        rows = [line.split("\t")[1:] for line in output.read_text().splitlines() if line.startswith("RG\t")]
    parsed = [
        (sample, canonical_contig(chrom), *(int(number) for number in numbers), float(quality))
        for sample, chrom, *numbers, quality in rows
    ]
    return pa.Table.from_pylist([dict(zip(RUN_SCHEMA.names, row, strict=True)) for row in parsed], RUN_SCHEMA)


def homozygosity(runs: pa.Table, names: list[str], build: str) -> pa.Table:
    """One row per sample: n_runs and f_roh, the share of the autosomes within runs of at least ``LEAST_LENGTH`` bases
    and ``LEAST_MARKERS`` markers.

    f_roh is null in an unknown build. It is meant for whole genomes: of a part of one it is too small.
    """
    autosomes = sum(length for name, length in LENGTHS.get(build, {}).items() if name.isdigit())
    is_long = pc.and_(pc.greater_equal(runs["length"], LEAST_LENGTH), pc.greater_equal(runs["markers"], LEAST_MARKERS))
    long = runs.filter(pc.and_(is_long, pc.utf8_is_decimal(runs["chrom"])))
    sums = {
        row["sample"]: (row["length_count"], row["length_sum"])
        for row in long.group_by("sample").aggregate([("length", "count"), ("length", "sum")]).to_pylist()
    }
    found = [sums.get(name, (0, 0)) for name in names]
    return pa.table(
        {
            "sample": pa.array(names, pa.string()),
            "n_runs": pa.array([count for count, _ in found], pa.int64()),
            "f_roh": pa.array([total / autosomes if autosomes else None for _, total in found], pa.float64()),
        }
    )
