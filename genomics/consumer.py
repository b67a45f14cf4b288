"""Raw data of consumer genotyping (23andMe, AncestryDNA, FTDNA, MyHeritage and kin) as a VCF.

These files list identifier, chromosome, position and the two bases of the forward strand of GRCh37; only the reference
genome tells which base is the reference. What has no place, and calls that are not bases (insertions, deletions), are
left out and counted; a missing call stays missing.
"""

from __future__ import annotations

import gzip
import io
import re
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from genomics.bcftools import run
from genomics.builds import (
    UNKNOWN,
    build_from_lengths,
    build_from_sentinels,
    build_from_text,
    canonical_contig,
    is_ncbi36,
)
from lake.files import GZIP, ZIP, Bounded, replacing
from lake.quarantine import BadFile
from lake.settings import Settings

COLUMNS: dict[str, tuple[str, ...]] = {
    "rsid": ("rsid", "markername", "name", "snp"),
    "chrom": ("chromosome", "chrom", "chr"),
    "pos": ("position", "pos"),
    "genotype": ("genotype", "result", "gt"),
    "first": ("allele1", "allele_1"),
    "second": ("allele2", "allele_2"),
}
"""What the vendors call their columns, in lower case."""

_STRANDED = re.compile(r"allele\s?1.*(top|forward|design|ab)", re.IGNORECASE)
_HEAD = 1 << 20
LEAST_HETEROZYGOUS, MOST_FOREIGN = 20, 0.1
"""Of real variants nearly every heterozygote has the reference base; at a random place half of them have not."""
_MISSING = ("--", "00", "..", "", "-", "0", ".", "NN", "N")
_TARGET = {"ID": "rsid", "CHROM": "chrom", "POS": "pos", "AA": "genotype"}


@dataclass
class Consumer:
    """Calls of a file. ``calls`` has rsid, chrom (canonical), pos, genotype (one or two bases, ``--`` missing)."""

    calls: pa.Table
    build: str
    read: int
    left_out: Counter[str] = field(default_factory=Counter)


def read_consumer(path: Path, settings: Settings | None = None) -> Consumer:
    """Read the raw data of a consumer test: plain, gzip or a zip with one file.

    Raises:
        BadFile: no header that is known, alleles on a strand that only the chip's maker knows, or no record.
    """
    text = _text(path, settings or Settings())
    start, names, separator = _header(text)
    table, ragged = _parse(text[start:], names, separator)
    columns = {wanted: _find(names, COLUMNS[wanted]) for wanted in COLUMNS}
    if columns["genotype"] is None and (columns["first"] is None or columns["second"] is None):
        reason = "the alleles are not on the forward strand" if any(map(_STRANDED.search, names)) else "no genotype"
        raise BadFile("unusable_columns", f"{reason}; export the file with the alleles of the forward (plus) strand")
    absent = [wanted for wanted in ("rsid", "chrom", "pos") if columns[wanted] is None]
    if absent:
        raise BadFile("unusable_columns", f"no column for {', '.join(absent)}; without a place nothing can be called")
    plain = {wanted: _clean(table[name]) for wanted, name in columns.items() if name is not None}
    genotype = plain.get("genotype")
    if genotype is None:
        genotype = pc.binary_join_element_wise(plain["first"], plain["second"], "")
    genotype = pc.replace_substring_regex(genotype, "[/|]", "")
    found = _consumer(plain["rsid"], plain["chrom"], plain["pos"], genotype, text)
    found.read += ragged
    found.left_out += Counter({"column_count": ragged})
    return found


def write_vcf(path: Path, fasta: Path, output: Path, *, sample: str | None = None) -> tuple[Consumer, int]:
    """Write consumer data as a sorted VCF against a reference genome. Returns what was read and records written.

    Args:
        path: the raw data.
        fasta: reference genome of the same build (nearly always GRCh37).
        output: what to write, .vcf or .vcf.gz.
        sample: name of the sample; by default the file's name.

    Raises:
        BadFile: not readable, no reference, or one of another build.
    """
    import pysam

    if not fasta.is_file():
        raise BadFile("no_reference", f"there is no reference genome at {fasta}")
    found = read_consumer(path)
    with pysam.FastaFile(str(fasta)) as reference:
        lengths = dict(zip(reference.references, reference.lengths, strict=True))
    build = build_from_lengths(dict(lengths))[0]
    if UNKNOWN not in (build, found.build) and build != found.build:
        raise BadFile("build_mismatch", f"the file is on {found.build}, the reference genome is {build}")
    placed = _placed(found, lengths)
    kind = {".gz": "z", ".vcf": "v"}.get(output.suffix.lower())
    if kind is None:
        raise ValueError(f"{output.name}: the ending must be .vcf or .vcf.gz")
    with TemporaryDirectory() as scratch:
        listed = Path(scratch) / "calls.tsv"
        csv.write_csv(placed, listed, csv.WriteOptions(include_header=False, delimiter="\t", quoting_style="none"))
        with replacing(output) as draft:
            run(
                "convert", "-f", str(fasta), "-c", ",".join(_TARGET), "-s", sample or path.name.split(".")[0],
                "-O", kind, "--tsv2vcf", str(listed), output=draft,
            )  # fmt: skip
            written = _check_reference(draft)
    if written < placed.num_rows:
        found.left_out["not_in_reference"] += placed.num_rows - written
    return found, written


def _check_reference(vcf: Path) -> int:
    """Count records, and refuse a reference genome that has neither base of many heterozygous calls."""
    import pysam

    written, heterozygous, neither = 0, 0, 0
    with pysam.VariantFile(str(vcf)) as file:
        for record in file:
            written += 1
            alleles = set(record.samples[0].allele_indices or ())
            if len(alleles - {None}) == 2:
                heterozygous += 1
                neither += 0 not in alleles
    if heterozygous >= LEAST_HETEROZYGOUS and neither > MOST_FOREIGN * heterozygous:
        detail = f"{neither:,} of {heterozygous:,} heterozygous calls have no base of the reference genome"
        raise BadFile(
            "wrong_reference", f"{detail}: it is of another build, or the bases are not of the forward strand"
        )
    return written


def _text(path: Path, settings: Settings) -> str:
    bounded = Bounded(path.stat().st_size, settings.max_file_bytes, settings.max_ratio)
    with path.open("rb") as file:
        head = file.read(4)
    try:
        if head.startswith(GZIP):
            with gzip.open(path) as packed:
                return _read(packed, bounded)  # type: ignore[arg-type]
        if head == ZIP:
            with zipfile.ZipFile(path) as archive:
                names = [name for name in archive.namelist() if not name.endswith("/") and "__MACOSX" not in name]
                if len(names) != 1:
                    raise BadFile("several_files", f"the archive holds {len(names)} files; deliver one")
                with archive.open(names[0]) as packed:
                    return _read(packed, bounded)  # type: ignore[arg-type]
        with path.open("rb") as plain:
            return _read(plain, bounded)
    except (OSError, EOFError, zipfile.BadZipFile) as error:
        raise BadFile("corrupt_file", f"the file cannot be unpacked: {type(error).__name__}") from None


def _read(file: io.BufferedReader, bounded: Bounded) -> str:
    pieces = []
    while piece := file.read(_HEAD):
        bounded.add(len(piece))
        pieces.append(piece)
    return b"".join(pieces).decode("utf-8-sig", errors="replace").replace("\r\n", "\n").replace("\r", "\n")


def _header(text: str) -> tuple[int, list[str], str]:
    """Where the records start, the column names and the separator. The header may be the last comment."""
    at = 0
    for line in text[:_HEAD].splitlines(keepends=True):
        at += len(line)
        bare = line.strip().lstrip("#").strip().strip('"')
        separator = "\t" if "\t" in bare else ","
        names = [name.strip().strip('"').lower() for name in bare.split(separator)]
        if _find(names, COLUMNS["chrom"]) and _find(names, COLUMNS["pos"]):
            return at, names, separator
        if any(map(_STRANDED.search, names)):
            raise BadFile("unusable_columns", "the alleles are not on the forward strand of the reference genome")
    raise BadFile("unknown_format", "no line names chromosome, position and genotype; this is no known consumer file")


def _find(names: list[str], wanted: tuple[str, ...]) -> str | None:
    return next((name for name in wanted if name in names), None)


def _parse(text: str, names: list[str], separator: str) -> tuple[pa.Table, int]:
    """Records as text columns, and how many lines have another number of columns."""
    # several tabs in a row, and quotes around or between fields, occur in real exports
    text = re.sub(r"[ ]*\t[\t ]*", "\t", text) if separator == "\t" else text.replace('"', "")
    filled = [line for line in text.split("\n") if line.strip()]
    lines = [line for line in filled if line.count(separator) == len(names) - 1]
    if not lines:
        raise BadFile("no_records", "there is no record below the header")
    table = csv.read_csv(
        pa.py_buffer(("\n".join(lines) + "\n").encode()),
        csv.ReadOptions(column_names=names, use_threads=False),
        csv.ParseOptions(delimiter=separator, quote_char=False),
        csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False),
    )
    return table, len(filled) - len(lines)


def _clean(column: pa.ChunkedArray) -> pa.Array:
    return pc.utf8_trim_whitespace(pc.replace_substring(column.combine_chunks(), '"', ""))


def _consumer(rsid: pa.Array, chrom: pa.Array, pos: pa.Array, genotype: pa.Array, text: str) -> Consumer:
    genotype = pc.utf8_upper(genotype)
    genotype = pc.if_else(pc.is_in(genotype, value_set=pa.array(_MISSING)), "--", genotype)
    codes = chrom.dictionary_encode()
    names = [canonical_contig("X" if name.upper() in ("PAR", "XY") else name) for name in codes.dictionary.to_pylist()]
    chrom = pa.array(names, pa.string()).take(codes.indices)
    digits = pc.match_substring_regex(pos, "^[1-9][0-9]{0,8}$")
    known = pc.is_in(chrom, value_set=pa.array([canonical_contig(str(n)) for n in (*range(1, 23), "X", "Y", "MT")]))
    placed = pc.and_(digits, known)
    # many vendors write the single Y and MT as a pair; two bases there are an error or a mixture
    single = pc.is_in(chrom, value_set=pa.array(["Y", "MT"]))
    alone = pc.replace_substring_regex(genotype, "^(?:A(A)|C(C)|G(G)|T(T))$", r"\1\2\3\4")
    genotype = pc.if_else(single, alone, genotype)
    mixed = pc.and_(single, pc.match_substring_regex(genotype, "^[ACGT]{2}$"))
    bases = pc.and_(pc.match_substring_regex(genotype, "^(--|[ACGT]{1,2})$"), pc.invert(mixed))
    table = pa.table({"rsid": rsid, "chrom": chrom, "pos": pos, "genotype": genotype})
    left_out = Counter(
        {
            "no_place": pc.sum(pc.invert(placed)).as_py() or 0,
            "not_bases": pc.sum(pc.and_(placed, pc.invert(pc.or_(bases, mixed)))).as_py() or 0,
            "two_bases_on_y_or_mt": pc.sum(pc.and_(placed, mixed)).as_py() or 0,
        }
    )
    calls = table.filter(pc.and_(placed, bases))
    calls = calls.set_column(2, "pos", pc.cast(calls["pos"], pa.int64()))
    if not calls.num_rows:
        raise BadFile("no_records", "no record has a place and a call")
    sentinels = dict(zip(calls["rsid"].to_pylist(), calls["pos"].to_pylist(), strict=True))
    build, words = build_from_sentinels(sentinels), _comments(text)
    if build == UNKNOWN:
        if is_ncbi36(sentinels, words):
            detail = "the positions are of NCBI36 (hg18); download the raw data again, vendors deliver GRCh37 today"
            raise BadFile("unsupported_build", detail)
        build = build_from_text(words)
    return Consumer(calls, build, len(rsid), +left_out)


def _comments(text: str) -> str:
    return "\n".join(line for line in text[:_HEAD].splitlines() if line.startswith("#"))


def _placed(found: Consumer, lengths: dict[str, int]) -> pa.Table:
    """Calls in the order and with the contig names of the reference genome; the first of a place counts."""
    order = {canonical_contig(name, length): (rank, name) for rank, (name, length) in enumerate(lengths.items())}
    codes = found.calls["chrom"].combine_chunks().dictionary_encode()
    known = [order.get(name) for name in codes.dictionary.to_pylist()]
    rank = pa.array([one[0] if one else None for one in known], pa.int64()).take(codes.indices)
    name = pa.array([one[1] if one else None for one in known], pa.string()).take(codes.indices)
    table = pa.table(
        {"rsid": found.calls["rsid"], "chrom": name, "pos": found.calls["pos"], "genotype": found.calls["genotype"]}
    ).append_column("rank", rank)
    kept = table.filter(pc.is_valid(table["rank"]))
    if kept.num_rows < table.num_rows:
        found.left_out["contig_not_in_reference"] += table.num_rows - kept.num_rows
    kept = kept.sort_by([("rank", "ascending"), ("pos", "ascending")])
    place = pc.add(pc.shift_left(kept["rank"].combine_chunks(), 32), kept["pos"].combine_chunks())
    first = pc.index_in(place, value_set=place)
    alone = np.asarray(first) == np.arange(len(place))
    if not alone.all():
        found.left_out["same_place_again"] += int((~alone).sum())
    return kept.filter(pa.array(alone)).select(["rsid", "chrom", "pos", "genotype"])
