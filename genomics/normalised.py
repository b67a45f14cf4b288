"""A VCF normalised against a reference genome: left-aligned, trimmed, one alternate allele per record.

bcftools does it (Tan, Abecasis and Kang 2015, doi:10.1093/bioinformatics/btv112). A REF that is not what the reference
has is never swapped or repaired: the record is left out and told.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from genomics.bcftools import run
from lake.files import replacing
from lake.quarantine import BadFile

EXAMPLES = 20
_SUMMARY = re.compile(r"^Lines\s+total/split/joined/realigned[^:]*:\s*([\d/]+)")
_MISMATCH = re.compile(r"^REF_MISMATCH\t(\S+)\t(\d+)\t(\S+)\t(\S+)")
_OUTPUT = {".vcf": "v", ".gz": "z", ".bgz": "z", ".bcf": "b"}


@dataclass
class Normalised:
    """What was done. ``left_out`` counts records by reason; ``examples`` are (contig, position, REF, reference)."""

    output: str
    records: int = 0
    written: int = 0
    split: int = 0
    realigned: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    examples: list[tuple[str, int, str, str]] = field(default_factory=list)


def normalise(path: Path, fasta: Path, output: Path, *, split: bool = True, atomise: bool = False) -> Normalised:
    """Write a normalised copy of a VCF or BCF.

    Args:
        path: the file.
        fasta: reference genome; indexed on the way if it is not yet.
        output: what to write; the ending says how: .vcf, .vcf.gz, .bcf.
        split: one record per alternate allele; 1/2 becomes 1/0 and 0/1, as bcftools writes it.
        atomise: complex alleles become single-base changes and plain indels.

    Raises:
        BadFile: the file or the reference cannot be read, or a contig of the file is not in the reference.
    """
    kind = _OUTPUT.get(output.suffix.lower())
    if kind is None:
        raise ValueError(f"{output.name}: the ending must be .vcf, .vcf.gz or .bcf")
    if not fasta.is_file():
        raise BadFile("no_reference", f"there is no reference genome at {fasta}")
    arguments = ["-f", str(fasta), "-O", kind]
    arguments += ["-m", "-any"] if split else []
    arguments += ["-a"] if atomise else []
    result = Normalised(str(output))
    with TemporaryDirectory() as scratch:
        # what is excluded below is first told, because exclusion itself is silent
        for line in run("norm", "-f", str(fasta), "-c", "w", "-O", "u", str(path), output=Path(scratch) / "told.bcf"):
            if match := _MISMATCH.match(line):
                result.left_out["ref_mismatch"] = result.left_out.get("ref_mismatch", 0) + 1
                if len(result.examples) < EXAMPLES:
                    result.examples.append((match[1], int(match[2]), match[3], match[4]))
    with replacing(output) as draft:
        messages = run("norm", *arguments, "-c", "x", str(path), output=draft)
    for line in messages:
        if match := _SUMMARY.match(line):
            total, was_split, _, realigned, *_ = map(int, match[1].split("/"))
            result.records, result.split, result.realigned = total, was_split, realigned
    result.written = _count(output)
    return result


def _count(path: Path) -> int:
    import pysam

    with pysam.VariantFile(str(path)) as file:
        return sum(1 for _ in file)
