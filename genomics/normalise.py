"""Alleles: which are sequence, and how they are trimmed."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

IUPAC_FIRST = str.maketrans("RYSWKMBDHV", "ACCAGACAAA")
"""VCF 4.3, 1.6.1.4: an ambiguity code in REF is reduced to the concrete base that comes first in the alphabet."""


def is_sequence(alleles: pa.Array) -> pa.Array:
    """True for alleles spelled in bases; false for ``.``, ``*``, symbolic alleles and breakends."""
    return pc.match_substring_regex(alleles, "^[ACGTNacgtn]+$")


def clean_reference(refs: pa.Array) -> pa.Array:
    """Upper-case reference alleles with ambiguity codes reduced; anything else than bases becomes null."""
    upper = pc.utf8_upper(refs)
    for code, base in IUPAC_FIRST.items():
        if pc.any(pc.match_substring(upper, chr(code))).as_py():
            upper = pc.replace_substring(upper, chr(code), chr(base))
    return pc.if_else(is_sequence(upper), upper, pa.scalar(None, pa.string()))


def trim(pos: np.ndarray, ref: pa.Array, alt: pa.Array) -> tuple[np.ndarray, pa.Array, pa.Array]:
    """Trim shared bases, first at the end, then at the start, until an allele would be empty.

    This is the reference-free half of variant normalisation (Tan, Abecasis and Kang 2015,
    doi:10.1093/bioinformatics/btv112): the result is parsimonious but only left-aligned if the input was.

    Args:
        pos: 1-based positions.
        ref, alt: upper-case base strings of equal length.
    """
    long = np.minimum(_lengths(ref), _lengths(alt)) > 1
    rows = np.flatnonzero(long)
    if not len(rows):
        return pos, ref, alt
    pos = pos.copy()
    short_ref, short_alt = ref.take(pa.array(rows)), alt.take(pa.array(rows))
    short_ref, short_alt, _ = _strip(short_ref, short_alt, at_end=True)
    short_ref, short_alt, moved = _strip(short_ref, short_alt, at_end=False)
    pos[rows] += moved
    mask = pa.array(long)
    return pos, pc.replace_with_mask(ref, mask, short_ref), pc.replace_with_mask(alt, mask, short_alt)


def trim_coded(
    pos: np.ndarray, ref: pa.DictionaryArray, alt: pa.DictionaryArray
) -> tuple[np.ndarray, pa.DictionaryArray, pa.DictionaryArray, np.ndarray]:
    """``trim`` for coded alleles, nearly all of which are short; also returns the rows that were changed."""
    rows = np.flatnonzero(np.minimum(_coded_lengths(ref), _coded_lengths(alt)) > 1)
    if not len(rows):
        return pos, ref, alt, rows
    at = pa.array(rows)
    long_ref, long_alt = (column.take(at).cast(pa.string()) for column in (ref, alt))
    short_pos, short_ref, short_alt = trim(pos[rows], long_ref, long_alt)
    changed = np.asarray(pc.not_equal(short_ref, long_ref))
    rows, mask = rows[changed], pa.array(changed)
    if len(rows):
        pos = pos.copy()
        pos[rows] = short_pos[changed]
        ref, alt = _replaced(ref, rows, short_ref.filter(mask)), _replaced(alt, rows, short_alt.filter(mask))
    return pos, ref, alt, rows


def _coded_lengths(column: pa.DictionaryArray) -> np.ndarray:
    return _lengths(column.dictionary)[np.asarray(column.indices)] if len(column) else np.zeros(0, dtype=np.int64)


def _replaced(column: pa.DictionaryArray, rows: np.ndarray, values: pa.Array) -> pa.DictionaryArray:
    codes = np.array(column.indices)
    codes[rows] = np.arange(len(rows)) + len(column.dictionary)
    # a writer of Parquet wants each value once
    both = pa.concat_arrays([column.dictionary, values]).dictionary_encode()
    return pa.DictionaryArray.from_arrays(both.indices.take(pa.array(codes)), both.dictionary)


def _lengths(strings: pa.Array) -> np.ndarray:
    return np.asarray(pc.binary_length(strings).fill_null(0))


def _strip(ref: pa.Array, alt: pa.Array, *, at_end: bool) -> tuple[pa.Array, pa.Array, np.ndarray]:
    """Remove shared bases at one end, one per round, only looking at the rows that still share one."""
    moved = np.zeros(len(ref), dtype=np.int64)
    active = np.arange(len(ref))
    part_ref, part_alt = ref, alt
    while len(active):
        edge = (-1, None) if at_end else (0, 1)
        same = pc.equal(pc.utf8_slice_codeunits(part_ref, *edge), pc.utf8_slice_codeunits(part_alt, *edge))
        keep = np.asarray(same) & (np.minimum(_lengths(part_ref), _lengths(part_alt)) > 1)
        active = active[keep]
        if not len(active):
            break
        chosen = pa.array(keep)
        inner = (0, -1) if at_end else (1, None)
        part_ref = pc.utf8_slice_codeunits(part_ref.filter(chosen), *inner)
        part_alt = pc.utf8_slice_codeunits(part_alt.filter(chosen), *inner)
        mask = np.zeros(len(ref), dtype=bool)
        mask[active] = True
        ref = pc.replace_with_mask(ref, pa.array(mask), part_ref)
        alt = pc.replace_with_mask(alt, pa.array(mask), part_alt)
        moved[active] += 1
    return ref, alt, moved
