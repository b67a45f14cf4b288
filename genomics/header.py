"""The header of a VCF and the profile that follows from it: samples, contigs, build, and what absence means."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from tempfile import NamedTemporaryFile

from genomics.builds import UNKNOWN, build_from_lengths, build_from_text, canonical_contig
from lake.quarantine import BadFile

FIXED = ("CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO")
SUPPORTED = frozenset(f"VCFv4.{minor}" for minor in range(6))
REFERENCE_BLOCK_ALLELES = ("<NON_REF>", "<*>", "<X>")
"""Alternate alleles that stand for "anything else": GATK, VCF 4.3 and old samtools. They are never variants."""

_CONTIG = re.compile(r"##contig=<(.*)>\s*$")
_ATTRIBUTE = re.compile(r'(?:^|,)(ID|length)=("[^"]*"|[^,]*)')


@dataclass(frozen=True)
class Header:
    """What the header says.

    Attributes:
        samples: sample names in column order.
        contigs: contig name as written to its declared length, or None.
        build: GRCh37, GRCh38 or unknown; ``build_evidence`` says by what.
        build_by_lengths: the build is certain: contig lengths tell it.
        is_gvcf: reference blocks are declared.
        has_end: INFO/END is declared, so records may span a stretch.
        line_count: header lines including ``#CHROM``; the first record is on the next line.
    """

    version: str
    samples: tuple[str, ...]
    contigs: dict[str, int | None]
    build: str
    build_evidence: str
    build_by_lengths: bool
    is_gvcf: bool
    has_end: bool
    line_count: int
    n_columns: int
    text: str = field(repr=False)

    def canonical(self, contig: str) -> str:
        """The canonical name of a contig as written in this file."""
        return canonical_contig(contig, self.contigs.get(contig))


def split_header(text: bytes) -> tuple[bytes, bytes] | None:
    """Split a file's first text into header (with the ``#CHROM`` line) and body; None when the header goes on."""
    start = 0
    while start < len(text):
        end = text.find(b"\n", start)
        if end < 0:
            return None
        if not text.startswith(b"##", start):
            if text.startswith(b"#", start):
                return text[: end + 1], text[end + 1 :]
            return text[:start], text[start:]
        start = end + 1
    return None


def parse_header(text: bytes) -> Header:
    """Parse the header of a VCF.

    Raises:
        BadFile: not a VCF, an unsupported version, missing columns, duplicate samples, or contigs of two builds.
    """
    lines = _decoded(text).split("\n")
    if not lines[0].startswith("##fileformat=VCF"):
        raise BadFile("not_a_vcf", "line 1 must be ##fileformat=VCFv4.x")
    version = lines[0].removeprefix("##fileformat=").strip()
    if version not in SUPPORTED:
        raise BadFile("unsupported_version", f"line 1: {version[:20]!r} is not VCF 4.0 to 4.5")
    lines = [line for line in lines if line]
    if not lines[-1].startswith("#CHROM"):
        raise BadFile("missing_columns", f"line {len(lines)}: expected the #CHROM line before the first record")
    samples = _samples(lines[-1], len(lines))
    contigs = dict(_contig(match[1]) for match in map(_CONTIG.match, lines) if match)
    try:
        build, evidence = build_from_lengths(contigs)
    except ValueError as error:
        raise BadFile("mixed_build", f"{error}; deliver one file per build") from None
    by_lengths = build != UNKNOWN
    if not by_lengths:
        named = build_from_text("\n".join(line for line in lines[:-1] if not line.startswith(("##INFO", "##FORMAT"))))
        build, evidence = (named, "named in the header text") if named != UNKNOWN else (build, evidence)
    blocks = any(line.startswith("##GVCFBlock") for line in lines) or any(
        line.startswith("##ALT=<ID=" + allele[1:-1] + ",") for allele in REFERENCE_BLOCK_ALLELES for line in lines
    )
    return Header(
        version=version,
        samples=samples,
        contigs=contigs,
        build=build,
        build_evidence=evidence,
        build_by_lengths=by_lengths,
        is_gvcf=blocks,
        has_end=any(line.startswith("##INFO=<ID=END,") for line in lines),
        line_count=len(lines),
        n_columns=lines[-1].count("\t") + 1,
        text="\n".join(lines),
    )


def check_with_htslib(header: Header) -> None:
    """Let htslib parse the header, so that what every other tool would refuse is refused here too.

    Raises:
        BadFile: htslib cannot parse it.
    """
    import pysam

    previous = pysam.set_verbosity(0)
    try:
        with NamedTemporaryFile(suffix=".vcf") as draft:
            draft.write((header.text + "\n").encode())
            draft.flush()
            with pysam.VariantFile(draft.name) as file:
                len(file.header.samples)
    except (ValueError, OSError) as error:
        raise BadFile("invalid_header", f"htslib cannot read the header: {type(error).__name__}") from None
    finally:
        pysam.set_verbosity(previous)


def _decoded(text: bytes) -> str:
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        raise BadFile("invalid_encoding", f"line {line}: the header is not UTF-8") from None


def _samples(line: str, number: int) -> tuple[str, ...]:
    columns = line.lstrip("#").split("\t")
    if tuple(columns[:8]) != FIXED:
        found = next((have for have, want in zip(columns, FIXED, strict=False) if have != want), "fewer columns")
        raise BadFile(
            "missing_columns",
            f"line {number}: expected {' '.join(FIXED)}, separated by tabs; found {found[:20]!r}",
        )
    if len(columns) == 8:
        return ()
    if columns[8] != "FORMAT":
        raise BadFile("missing_columns", f"line {number}: column 9 must be FORMAT when there are samples")
    samples = columns[9:]
    if len(set(samples)) != len(samples):
        again = next(index for index, name in enumerate(samples) if name in samples[:index])
        raise BadFile("duplicate_sample", f"line {number}: the name in column {again + 10} occurs twice; rename one")
    if any(not name.strip() for name in samples):
        raise BadFile("invalid_header", f"line {number}: a sample column has no name")
    return tuple(samples)


def _contig(attributes: str) -> tuple[str, int | None]:
    found = {key: value.strip('"') for key, value in _ATTRIBUTE.findall(attributes)}
    length = found.get("length", "")
    return found.get("ID", ""), int(length) if length.isdigit() else None
