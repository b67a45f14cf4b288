"""A whole file against the VCF specification, in constant memory: profile and faults."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

from genomics.bgzf import text_batches
from genomics.builds import UNKNOWN, build_from_sentinels
from genomics.header import parse_header
from genomics.scan import as_vcf, is_bcf
from genomics.validation.faults import Fault, Faults
from genomics.validation.meta import Meta, read_meta
from genomics.validation.records import Records
from lake.files import Bounded
from lake.quarantine import BadFile
from lake.settings import Settings

_HEADER_LIMIT = 256 << 20
_STRAY_LINES = 100
"""Lines without # that may stand in a header before it is taken to have ended without its #CHROM line."""


@dataclass
class Validation:
    """What a validation found.

    Attributes:
        version: as written in line 1, or None.
        build, build_evidence: as the ingest would settle them from the header; ``unknown`` where it is unusable.
        is_complete: the whole file could be read.
        counts: faults by rule.
        faults: the first faults of each rule, by line.
    """

    path: str
    version: str | None = None
    samples: int = 0
    contigs: int = 0
    records: int = 0
    build: str = "unknown"
    build_evidence: str = ""
    is_gvcf: bool = False
    is_sorted: bool = True
    is_complete: bool = True
    counts: dict[str, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    @property
    def is_valid(self) -> bool:
        """No fault was found."""
        return not self.counts


def validate(path: Path, settings: Settings | None = None) -> Validation:
    """Validate a VCF (plain, gzip, BGZF) or BCF against the version that its first line names, 4.0 to 4.5.

    Faults never raise: an unreadable file is a fault of the file as a whole. A BCF is checked as the VCF that bcftools
    makes of it.
    """
    settings = settings or Settings()
    faults, result = Faults(), Validation(str(path))
    try:
        if is_bcf(path):
            with TemporaryDirectory() as scratch:
                _validate(as_vcf(path, Path(scratch)), settings, faults, result)
        else:
            _validate(path, settings, faults, result)
    except BadFile as error:
        result.is_complete = False
        faults.add(0, "file", error.reason, error.detail)
    result.counts = dict(faults.counts)
    result.faults = sorted(faults.examples, key=lambda fault: fault.line_no)
    return result


def _validate(path: Path, settings: Settings, faults: Faults, result: Validation) -> None:
    batches = text_batches(path, Bounded(path.stat().st_size, settings.max_file_bytes, settings.max_ratio))
    header, rest = _header_lines(batches, faults)
    if not header:
        result.is_complete = False
        return
    meta = read_meta(header, faults)
    _profile(header, meta, faults, result)
    records = Records(meta, faults)
    line = meta.line_count + 1
    for text in chain([rest] if rest else [], batches):
        records.check(line, text)
        line += text.count(b"\n")
        result.records, result.is_sorted = records.count, records.is_sorted
    found = build_from_sentinels(records.sentinels)
    if UNKNOWN not in (found, result.build) and found != result.build:
        detail = f"the header says {result.build}, but known rs numbers lie where {found} has them"
        faults.add(0, "file", "build_mismatch", detail)


def _header_lines(batches: Iterator[bytes], faults: Faults) -> tuple[list[str], bytes]:
    """Lines up to the #CHROM line, and what follows it in the same batch."""
    text, stray = b"", 0
    lines: list[str] = []
    for batch in batches:
        text += batch
        at = 0
        while (end := text.find(b"\n", at)) >= 0:
            line = text[at:end]
            at = end + 1
            try:
                lines.append(line.decode("utf-8-sig" if not lines else "utf-8"))
            except UnicodeDecodeError:
                faults.add(len(lines) + 1, "header", "encoding", "the line is not UTF-8")
                lines.append(line.decode("latin-1"))
            if line.startswith(b"#CHROM"):
                return lines, text[at:]
            stray += not line.startswith(b"#")
            if stray > _STRAY_LINES or sum(map(len, lines[-1:])) > _HEADER_LIMIT:
                break
        text = text[at:]
        if stray > _STRAY_LINES:
            break
    if not lines:
        faults.add(0, "file", "empty", "the file is empty")
        return [], b""
    if not lines[0].startswith("##fileformat=VCF"):
        faults.add(1, "header", "fileformat", "line 1 must be ##fileformat=VCFv4.x: this is not a VCF")
    faults.add(min(len(lines), 1 + _STRAY_LINES), "header", "no_column_line", "there is no #CHROM line")
    return [], b""


def _profile(header: list[str], meta: Meta, faults: Faults, result: Validation) -> None:
    result.version = header[0].removeprefix("##fileformat=")
    result.samples, result.contigs = len(meta.samples), len(meta.contigs)
    try:
        known = parse_header(("\n".join(header) + "\n").encode())
    except BadFile as error:
        # what else a reader refuses is a fault of the header already
        if error.reason == "mixed_build":
            faults.add(0, "header", error.reason, error.detail)
        return
    result.build, result.build_evidence, result.is_gvcf = known.build, known.build_evidence, known.is_gvcf
