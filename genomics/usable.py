"""Decoded lines that can be used, with their alleles one by one; and what is wrong with the others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genomics.builds import LENGTHS
from genomics.decode import COLUMN, INVALID, MISSING, Calls, Lines, Problem
from genomics.fields import judged, recoded
from genomics.header import REFERENCE_BLOCK_ALLELES, Header
from genomics.normalise import clean_reference

REFERENCE_ONLY = (".", *REFERENCE_BLOCK_ALLELES)
PASSING = ("PASS", ".", "", "RefCall")
"""FILTER values that leave a record usable; DeepVariant writes RefCall where it is sure of the reference."""

_MAX_POSITION = 2**31 - 1

_Alleles = tuple[np.ndarray, pa.DictionaryArray, np.ndarray, np.ndarray]
"""Of alternate alleles: ``parent``, ``allele`` and ``number`` as in ``Records``; and ``n_alts``, one per line."""


@dataclass
class Records:
    """Usable lines with their places, and their alternate alleles in a flat list. Texts are coded.

    ``allele[i]`` is alternate number ``number[i]`` of line ``parent[i]``. ``evidence`` marks lines without a variant
    allele, whose calls are evidence for the reference; ``end`` is the last reference position of a record.
    """

    lines: Lines
    build: str
    chrom: pa.DictionaryArray
    pos: np.ndarray
    ref: pa.DictionaryArray
    parent: np.ndarray
    allele: pa.DictionaryArray
    n_alts: np.ndarray
    number: np.ndarray
    evidence: np.ndarray
    filter: pa.DictionaryArray
    passed: np.ndarray
    end: np.ndarray


def usable(lines: Lines, header: Header, build: str, problems: list[Problem]) -> Records:
    """Take the lines that can be used, and add what is wrong with the others to ``problems``."""
    chrom = recoded(lines.coded("CHROM"), lambda names: _canonical(names, header))
    pos = lines.fields.integers(COLUMN["POS"])
    ref, alt = recoded(lines.coded("REF"), clean_reference), recoded(lines.coded("ALT"), pc.utf8_upper)
    alleles = _flattened(alt)
    keep = _validate(lines, build, (chrom, pos, ref, alt), alleles, problems)
    if not keep.all():
        lines, kept = _only(lines, keep), pa.array(keep)
        chrom, pos, ref = chrom.filter(kept), pos[keep], ref.filter(kept)
        alleles = _flattened(alt.filter(kept))
    parent, allele, number, n_alts = alleles
    evidence = np.ones(len(pos), dtype=bool)
    evidence[parent[~judged(allele, is_reference_only)]] = False
    filters = lines.coded("FILTER")
    end = _ends(lines, header, pos, ref)
    passed = judged(filters, _is_passing)
    _check_alleles(lines.calls, np.where(evidence, 0, n_alts))
    return Records(lines, build, chrom, pos, ref, parent, allele, n_alts, number, evidence, filters, passed, end)


def _canonical(names: pa.Array, header: Header) -> pa.Array:
    return pa.array([header.canonical(name) for name in names.to_pylist()], pa.string())


def _flattened(alt: pa.DictionaryArray) -> _Alleles:
    """Alternate alleles one by one: their line, their text, their number in the line; and how many each line has."""
    code = np.asarray(alt.indices)
    if not pc.any(pc.match_substring(alt.dictionary, ",")).as_py():
        n = len(code)
        return np.arange(n), alt, np.ones(n, dtype=np.int64), np.ones(n, dtype=np.int64)
    listed = pc.split_pattern(alt.dictionary, ",")
    sizes = np.asarray(pc.list_value_length(listed)).astype(np.int64)
    n_alts = sizes[code]
    parent = np.repeat(np.arange(len(code)), n_alts)
    number = np.arange(len(parent)) - np.repeat(np.cumsum(n_alts) - n_alts, n_alts)
    place = (np.cumsum(sizes) - sizes)[code][parent] + number
    texts = pc.list_flatten(listed).dictionary_encode()
    return (
        parent,
        pa.DictionaryArray.from_arrays(texts.indices.take(pa.array(place)), texts.dictionary),
        number + 1,
        n_alts,
    )


def _is_passing(filters: pa.Array) -> pa.Array:
    return pc.is_in(filters, value_set=pa.array(PASSING))


def is_reference_only(alleles: pa.Array) -> pa.Array:
    return pc.is_in(alleles, value_set=pa.array(REFERENCE_ONLY))


def _are_alleles(lists: pa.Array) -> pa.Array:
    one = r"([ACGTN]+|\*|\.|<[^<>\s,]+>|[^,]*[\[\]][^,]*|\.[ACGTN]+|[ACGTN]+\.)"
    return pc.match_substring_regex(lists, f"^{one}(,{one})*$")


def _validate(
    lines: Lines,
    build: str,
    place: tuple[pa.DictionaryArray, np.ndarray, pa.DictionaryArray, pa.DictionaryArray],
    alleles: _Alleles,
    problems: list[Problem],
) -> np.ndarray:
    """Find lines that cannot be used; the first fault of a line is the one that is told."""
    chrom, pos, ref, alt = place
    keep = np.ones(len(pos), dtype=bool)
    limits = LENGTHS.get(build, {})
    longest = np.array([limits.get(name, _MAX_POSITION) for name in chrom.dictionary.to_pylist()], dtype=np.int64)
    beyond = pos > (longest[np.asarray(chrom.indices)] if len(longest) else _MAX_POSITION)
    faults = (
        ("invalid_chrom", judged(chrom, lambda names: pc.equal(names, "")), "CHROM is empty"),
        ("header_in_body", judged(chrom, _is_comment), "a header line after the first record"),
        ("invalid_pos", pos < 1, "POS must be a whole number of at least 1"),
        ("position_beyond_contig", beyond, f"POS lies behind the end of the chromosome in {build}"),
        ("invalid_ref", np.asarray(ref.indices.is_null()), "REF must be bases"),
        ("invalid_alt", ~judged(alt, _are_alleles), "ALT must be bases, *, a symbolic allele or a breakend"),
        ("alt_equals_ref", _alt_is_ref(ref, alleles), "an ALT allele equals REF"),
    )
    for reason, found, detail in faults:
        for index in np.flatnonzero(found & keep).tolist():
            at = np.array([index])
            shown = [lines.fields.text(COLUMN[name], at)[0].as_py() for name in ("CHROM", "POS", "ID", "REF", "ALT")]
            problems.append(Problem(int(lines.line_no[index]), reason, detail, "\t".join(shown)))
        keep &= ~found
    return keep


def _is_comment(names: pa.Array) -> pa.Array:
    return pc.starts_with(names, "#")


def _alt_is_ref(ref: pa.DictionaryArray, alleles: _Alleles) -> np.ndarray:
    """Tell which lines list their REF among the ALT alleles."""
    same = np.zeros(len(ref), dtype=bool)
    parent, allele, _, _ = alleles
    codes = np.asarray(pc.index_in(allele.dictionary, value_set=ref.dictionary).fill_null(-1))
    if len(codes) and len(ref):
        alike = codes[np.asarray(allele.indices)] == np.asarray(ref.indices.fill_null(-2))[parent]
        same[parent[alike]] = True
    return same


def _only(lines: Lines, keep: np.ndarray) -> Lines:
    renumbered = np.cumsum(keep) - 1
    use = keep[lines.calls.line]
    calls = Calls(**{name: values[use] for name, values in vars(lines.calls).items()})
    calls.line = renumbered[calls.line]
    rows = np.flatnonzero(keep)
    return Lines(lines.line_no[keep], lines.fields.only(rows), calls, lines.has_genotypes[keep], lines.problems)


def _check_alleles(calls: Calls, n_alleles: np.ndarray) -> None:
    """A genotype that names an allele which the record does not have is no genotype."""
    impossible = np.maximum(calls.a0, calls.a1) > n_alleles[calls.line]
    if impossible.any():
        calls.reason[impossible] = INVALID
        calls.a0[impossible] = calls.a1[impossible] = MISSING


def _ends(lines: Lines, header: Header, pos: np.ndarray, ref: pa.DictionaryArray) -> np.ndarray:
    """Last reference position of each record: INFO/END where the file declares it, else the end of REF."""
    sizes = np.asarray(pc.binary_length(ref.dictionary).fill_null(1)).astype(np.int64)
    end: np.ndarray = pos + (sizes[np.asarray(ref.indices)] if len(sizes) else 1) - 1
    if (header.has_end or header.is_gvcf) and len(pos):
        info = lines.text("INFO")
        has_end = np.asarray(pc.match_substring_regex(info, r"(^|;)END=[0-9]{1,10}(;|$)"))
        if has_end.any():
            found = pc.extract_regex(info.filter(pa.array(has_end)), r"(?:^|;)END=(?P<end>[0-9]+)")
            end[has_end] = np.maximum(end[has_end], np.asarray(pc.cast(pc.struct_field(found, "end"), pa.int64())))
    return end
