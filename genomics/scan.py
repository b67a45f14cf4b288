"""A whole VCF, gVCF or BCF file, batch by batch, into rows of the genome tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa

from genomics.bgzf import text_batches
from genomics.builds import SENTINELS, UNKNOWN, build_from_sentinels
from genomics.decode import HALF_CALL, LOW_DP, LOW_GQ, OK, Lines, Problem, Quality, decode
from genomics.fields import LEAST_BYTES, compile_for
from genomics.header import Header, check_with_htslib, parse_header, split_header
from genomics.intervals import Intervals, concatenate, covering, merge
from genomics.panel import PanelSite, panel_sites
from genomics.records import Tally, ploidy_sex, rows_of
from genomics.tables import (
    GENOME_CALLABLE_INTERVAL,
    GENOME_GENOTYPE,
    GENOME_SAMPLE,
    GENOME_STRUCTURAL_VARIANT,
    GENOME_VARIANT,
)
from lake.files import Bounded
from lake.quarantine import BadFile
from lake.settings import Settings
from lake.tables import Table

_CODED = frozenset({"build", "chrom", "ref", "alt", "filter", "sample", "state", "reason"})
"""Columns whose values repeat: coded from the start, they need no second look when they are written."""

BCF_MAGIC = b"BCF\x02"
_SENTINEL = re.compile(rb"^[^\t\n]+\t(\d+)\t(" + "|".join(SENTINELS).encode() + rb")\t", re.MULTILINE)


@dataclass
class Batch:
    """Rows by table name, the lines that were refused, and how the records add up: read, accepted, ignored."""

    tables: dict[str, pa.Table]
    problems: list[Problem]
    read: int
    accepted: int
    ignored: dict[str, int]


@dataclass
class Scan:
    """An opened file: its header, the build that was settled on, and the batches to come (once)."""

    header: Header
    build: str
    build_evidence: str
    batches: Iterator[Batch]
    tally: Tally


Panel = Mapping[str, Sequence[PanelSite]]
"""Per build, the sites whose reference genotypes are wanted wherever a stretch of the file asserts them."""


def scan(
    path: Path,
    settings: Settings | None = None,
    *,
    quality: Quality | None = None,
    scratch: Path | None = None,
    panel: Panel | None = None,
) -> Scan:
    """Open a VCF (plain, gzip, BGZF), gVCF or BCF.

    The build comes from contig lengths, else from the positions of known rs numbers, else from the header's words.

    Args:
        path: the file.
        settings: limits on decompressed size.
        quality: thresholds below which a genotype is not assessed.
        scratch: folder for the text of a BCF.
        panel: sites to look at whatever the file calls; by default pharmacogenes and markers.

    Raises:
        BadFile: not usable as a whole; also from the batches, where the stream breaks or the build proves wrong.
    """
    settings = settings or Settings()
    if is_bcf(path):
        path = as_vcf(path, scratch or Path(TemporaryDirectory().name))
    if (size := path.stat().st_size) >= LEAST_BYTES:
        compile_for(size)
        pa.set_memory_pool(pa.system_memory_pool())  # of a genome, Arrow's own keeps 30 MB more
    header = _read_header(path, settings)
    check_with_htslib(header)
    build, evidence = header.build, header.build_evidence
    if not header.build_by_lengths:
        found = build_from_sentinels(_find_sentinels(path, settings))
        if found != UNKNOWN:
            build, evidence = found, "positions of known rs numbers"
    tally = Tally(len(header.samples))
    return Scan(
        header,
        build,
        evidence,
        _batches(path, header, build, tally, settings=settings, quality=quality or Quality(), panel=panel),
        tally,
    )


def read_tables(
    path: Path, settings: Settings | None = None, *, quality: Quality | None = None, panel: Panel | None = None
) -> dict[str, pa.Table]:
    """Read a whole file into memory: table name to rows, as the reader would write them. Refused lines are left out."""
    parts: dict[str, list[pa.Table]] = {}
    for batch in scan(path, settings, quality=quality, panel=panel).batches:
        for name, rows in batch.tables.items():
            parts.setdefault(name, []).append(rows)
    declared = (GENOME_SAMPLE, GENOME_VARIANT, GENOME_GENOTYPE, GENOME_CALLABLE_INTERVAL, GENOME_STRUCTURAL_VARIANT)
    return {
        table.name: pa.concat_tables(
            [plain(part, table) for part in parts.get(table.name, [])] or [table.schema.empty_table()]
        )
        for table in declared
    }


def plain(rows: pa.Table, table: Table) -> pa.Table:
    """Rows of a batch with their texts spelled out."""
    return rows.cast(table.schema)


def body_of(path: Path, settings: Settings | None = None) -> tuple[Header, Iterator[tuple[int, bytes]]]:
    """Open a VCF for its text: the header, and batches of whole lines with the number of their first line."""
    settings = settings or Settings()
    header = _read_header(path, settings)
    return header, _body(path, header, settings)


def delivered(rows: pa.Table, file_id: str) -> pa.Table:
    """Give rows that never were landed the delivery columns that queries ask for."""
    for name, value in (("source", "file"), ("file_id", file_id)):
        rows = rows.append_column(name, pa.repeat(pa.scalar(value), rows.num_rows))
    return rows


def decoded_sites(path: Path, settings: Settings) -> Iterator[tuple[str, Callable[[str], str], Lines]]:
    """Decode only the fixed columns, with INFO: for files of sites. Yields build, contig names and lines."""
    opened = scan(path, settings)
    header = opened.header
    for first, text in _body(path, header, settings):
        for lines in decode(text, first, 0, n_columns=header.n_columns):
            yield opened.build, header.canonical, lines


def _limits(path: Path, settings: Settings) -> Bounded:
    return Bounded(path.stat().st_size, settings.max_file_bytes, settings.max_ratio)


def is_bcf(path: Path) -> bool:
    """Tell whether the file is a BCF, whatever its name."""
    import gzip

    try:
        with gzip.open(path) as file:
            return file.read(4) == BCF_MAGIC
    except (OSError, EOFError):
        return False


def as_vcf(path: Path, scratch: Path) -> Path:
    """Write the text of a BCF into ``scratch`` and return its path.

    Raises:
        BadFile: bcftools cannot read it.
    """
    import pysam.bcftools
    import pysam.utils

    scratch.mkdir(parents=True, exist_ok=True)
    target = scratch / "from_bcf.vcf"
    try:
        pysam.bcftools.view("-Ov", "-o", str(target), str(path), catch_stdout=False)
    except pysam.utils.SamtoolsError:
        raise BadFile("corrupt_bcf", "bcftools cannot read this BCF; deliver it again or as VCF") from None
    return target


def _read_header(path: Path, settings: Settings) -> Header:
    text = b""
    for piece in text_batches(path, _limits(path, settings), 64 << 10):
        text += piece
        parts = split_header(text)
        if parts is not None:
            return parse_header(parts[0])
        if len(text) > 256 << 20:
            break
    return parse_header(text)


def _find_sentinels(path: Path, settings: Settings) -> dict[str, int]:
    found: dict[str, int] = {}
    for text in text_batches(path, _limits(path, settings)):
        found.update((match[2].decode(), int(match[1])) for match in _SENTINEL.finditer(text))
    return found


def _body(path: Path, header: Header, settings: Settings) -> Iterator[tuple[int, bytes]]:
    line, skip = 1, header.line_count
    for text in text_batches(path, _limits(path, settings)):
        at = 0
        while skip and at < len(text):
            end = text.find(b"\n", at) + 1
            skip -= text[at:end].strip() != b""
            line += 1
            at = end
        if at < len(text):
            body = text[at:] if at else text
            yield line, body
            line += body.count(b"\n")


def _batches(
    path: Path,
    header: Header,
    build: str,
    tally: Tally,
    *,
    settings: Settings,
    quality: Quality,
    panel: Panel | None,
) -> Iterator[Batch]:
    samples = pa.array(header.samples, pa.string())
    for first, text in _body(path, header, settings):
        for lines in decode(text, first, len(samples), n_columns=header.n_columns, quality=quality):
            before = tally.ignored.copy()
            rows = rows_of(lines, header, build, tally)
            ignored = tally.ignored - before
            if len(samples):
                rows.genotypes["sample"] = pa.DictionaryArray.from_arrays(
                    pa.array(rows.genotypes["sample"].astype(np.int32)), samples
                )
            accepted = rows.n_lines - len(rows.problems) - ignored.total()
            tables = {GENOME_VARIANT: rows.variants, GENOME_STRUCTURAL_VARIANT: rows.structural}
            if len(samples):
                tables[GENOME_GENOTYPE] = rows.genotypes
            yield Batch(
                {table.name: _table(table, columns) for table, columns in tables.items()},
                rows.problems,
                rows.n_lines,
                accepted,
                dict(ignored),
            )
    found = build_from_sentinels(tally.sentinels)
    if UNKNOWN not in (found, build) and found != build:
        raise BadFile("build_mismatch", f"the header says {build}, but known rs numbers lie where {found} has them")
    yield _closing(header, build, tally, panel_sites(build) if panel is None else panel.get(build, ()))


def _table(table: Table, columns: dict[str, pa.Array | np.ndarray]) -> pa.Table:
    """Columns as a table; texts that repeat are coded."""
    arrays = [_column(field, columns[field.name]) for field in table.schema]
    fields = [pa.field(one.name, array.type, one.nullable) for one, array in zip(table.schema, arrays, strict=True)]
    return pa.table(arrays, pa.schema(fields))


def _column(field: pa.Field, values: pa.Array | np.ndarray) -> pa.Array:
    if isinstance(values, pa.DictionaryArray):
        return values
    array = pa.array(values, field.type)
    return array.dictionary_encode() if field.name in _CODED else array


def _closing(header: Header, build: str, tally: Tally, wanted: Sequence[PanelSite]) -> Batch:
    """What only the whole file tells: samples, merged reference stretches, and the panel sites that lie in them."""
    stretches = merge(concatenate(tally.stretches))
    names = pa.array(list(tally.contigs), pa.string())
    samples = pa.array(header.samples, pa.string())
    tables = {GENOME_SAMPLE.name: _samples(header, build, tally)}
    if len(stretches):
        n = len(stretches)
        tables[GENOME_CALLABLE_INTERVAL.name] = _table(
            GENOME_CALLABLE_INTERVAL,
            {
                "record_no": stretches.record_no,
                "sample": samples.take(pa.array(stretches.sample)),
                "build": pa.repeat(build, n),
                "chrom": names.take(pa.array(stretches.chrom)),
                "start_pos": stretches.start,
                "end_pos": stretches.end,
                "min_dp": pa.array(stretches.dp, mask=stretches.dp < 0),
                "min_gq": pa.array(stretches.gq, mask=stretches.gq < 0),
            },
        )
        tables |= _panel(stretches, build, tally, samples, wanted)
    return Batch(tables, [], 0, 0, {})


def _samples(header: Header, build: str, tally: Tally) -> pa.Table:
    n, reasons = len(header.samples), tally.reasons
    not_called = tally.reasons.sum(axis=0) - reasons[[OK, HALF_CALL, LOW_GQ, LOW_DP]].sum(axis=0)
    low = reasons[LOW_GQ] + reasons[LOW_DP]
    return _table(
        GENOME_SAMPLE,
        {
            "record_no": np.full(n, header.line_count),
            "sample": pa.array(header.samples, pa.string()),
            "build": pa.repeat(pa.scalar(build), n),
            "file_format": pa.repeat(pa.scalar("gvcf" if header.is_gvcf or tally.has_blocks else "vcf"), n),
            "ploidy_sex": pa.array(ploidy_sex(tally), pa.string()),
            "assay": pa.nulls(n, pa.string()),
            "absent_means": pa.repeat(pa.scalar("unknown"), n),
            "n_records": np.full(n, tally.records),
            "n_called": tally.records - not_called - reasons[HALF_CALL] - low,
            "n_missing": not_called,
            "n_half_call": reasons[HALF_CALL],
            "n_low_quality": low,
        },
    )


def _panel(
    stretches: Intervals, build: str, tally: Tally, samples: pa.Array, wanted: Sequence[PanelSite]
) -> dict[str, pa.Table]:
    """Reference genotypes at panel sites. A stretch counts only if it spans the site's whole REF allele."""
    sites = [site for site in wanted if site.chrom in tally.contigs]
    hits = [covering(stretches, tally.contigs[site.chrom], site.pos, site.pos + len(site.ref) - 1) for site in sites]
    held = [(site, rows) for site, rows in zip(sites, hits, strict=True) if len(rows)]
    if not held:
        return {}
    sites, hits = [site for site, _ in held], [rows for _, rows in held]
    n, counts = len(sites), np.array([len(rows) for rows in hits])
    first = stretches.record_no[[rows[0] for rows in hits]]
    chrom, pos = pa.array([site.chrom for site in sites]), np.array([site.pos for site in sites])
    ref, alt = pa.array([site.ref for site in sites]), pa.array([site.alt for site in sites])
    ids = np.arange(tally.variants, tally.variants + n)
    nothing = np.zeros(n, dtype=np.int64)
    variants = {
        "record_no": first, "variant_no": ids, "build": pa.repeat(build, n), "chrom": chrom, "pos": pos, "ref": ref,
        "alt": alt, "rsid": pa.array([site.rsid for site in sites], pa.string()), "n_called": counts,
        "alt_count": nothing, "allele_number": 2 * counts, "allele_no": nothing, "n_alts": nothing,
        "source_pos": pa.nulls(n), "source_ref": pa.nulls(n), "source_alt": pa.repeat("<NON_REF>", n),
        "filter": pa.repeat(".", n), "is_pass": pa.repeat(True, n),
    }  # fmt: skip
    rows = np.concatenate(hits)
    zero = np.zeros(len(rows), dtype=np.int8)
    genotypes = {
        "record_no": stretches.record_no[rows], "variant_no": np.repeat(ids, counts),
        "sample": samples.take(pa.array(stretches.sample[rows])), "a0": zero, "a1": zero,
        "phased": np.zeros(len(rows), dtype=bool), "phase_set": pa.nulls(len(rows), pa.int64()),
        "state": pa.repeat("hom_ref_asserted", len(rows)), "reason": pa.repeat("reference_block", len(rows)),
        "dp": pa.array(stretches.dp[rows], mask=stretches.dp[rows] < 0),
        "gq": pa.array(stretches.gq[rows], mask=stretches.gq[rows] < 0),
    }  # fmt: skip
    return {
        GENOME_VARIANT.name: _table(GENOME_VARIANT, variants),
        GENOME_GENOTYPE.name: _table(GENOME_GENOTYPE, genotypes),
    }
