"""Landed VCF files: the reader of genomes, and the reader that knows their index files."""

from __future__ import annotations

from genomics.row_groups import RowGroups
from genomics.scan import BCF_MAGIC, scan
from genomics.tables import (
    GENOME_CALLABLE_INTERVAL,
    GENOME_GENOTYPE,
    GENOME_SAMPLE,
    GENOME_STRUCTURAL_VARIANT,
    GENOME_VARIANT,
)
from lake.reader import Landed, Reader
from lake.sink import Sink

_NAMES = (".vcf", ".vcf.bgz", ".gvcf", ".bcf")


def is_vcf(landed: Landed) -> bool:
    """True for files that say they are VCF or BCF, by name or by their first line."""
    head = landed.text_head
    return landed.name.endswith(_NAMES) or head.startswith(("##fileformat=VCF", BCF_MAGIC.decode()))


def read_vcf(landed: Landed, sink: Sink) -> None:
    """Write samples, variants, sparse genotypes and reference stretches of one file."""
    opened = scan(landed.path, sink.settings, scratch=sink.work)
    sink.note("build", opened.build)
    sink.note("build_evidence", opened.build_evidence)
    sink.note("vcf_version", opened.header.version)
    groups = RowGroups(sink.write)
    for batch in opened.batches:
        for table, rows in batch.tables.items():
            groups.add(table, rows)
        for problem in batch.problems:
            sink.reject(
                f"line {problem.line_no}",
                problem.reason,
                problem.detail,
                record_no=problem.line_no,
                table=GENOME_VARIANT.name,
                text=problem.text,
            )
        sink.count(batch.read, batch.accepted, batch.ignored)
    groups.close()
    sink.note("sorted", "no" if opened.tally.unsorted else "yes")
    sink.note("samples", str(len(opened.header.samples)))


def _is_index(landed: Landed) -> bool:
    return landed.path.name.lower().endswith((".tbi", ".csi")) or landed.head[:4] in (b"TBI\x01", b"CSI\x01")


def _read_index(landed: Landed, sink: Sink) -> None:
    # an index is rebuilt or not needed at all; it holds nothing that the file beside it does not hold
    sink.count(1, 0, {"index_file": 1})


VCF_READER = Reader(
    name="vcf",
    description="VCF, VCF.gz, BCF and gVCF files with one sample or many, on GRCh37 or GRCh38.",
    tables=(GENOME_SAMPLE, GENOME_VARIANT, GENOME_GENOTYPE, GENOME_CALLABLE_INTERVAL, GENOME_STRUCTURAL_VARIANT),
    matches=is_vcf,
    read=read_vcf,
)

INDEX_READER = Reader(
    name="vcf_index",
    description="Index files (.tbi, .csi) that lie beside a VCF; known and not needed.",
    tables=(),
    matches=_is_index,
    read=_read_index,
)
