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
    pos, at = pos.copy(), pa.array(rows)
    moved, short_ref, short_alt = _trimmed(ref.take(at).dictionary_encode(), alt.take(at).dictionary_encode())
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
    moved, short_ref, short_alt = _trimmed(ref.take(at), alt.take(at))
    changed = np.asarray(pc.not_equal(short_ref, ref.take(at).cast(pa.string())))
    rows, mask = rows[changed], pa.array(changed)
    if len(rows):
        pos = pos.copy()
        pos[rows] += moved[changed]
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


def _trimmed(ref: pa.DictionaryArray, alt: pa.DictionaryArray) -> tuple[np.ndarray, pa.Array, pa.Array]:
    """By how much the position moves, and both alleles; each distinct pair is looked at once."""
    pairs = np.asarray(ref.indices).astype(np.int64) * len(alt.dictionary) + np.asarray(alt.indices)
    distinct, which = np.unique(pairs, return_inverse=True)
    refs, alts = ref.dictionary.to_pylist(), alt.dictionary.to_pylist()
    found = [_shortest(refs[pair // len(alts)], alts[pair % len(alts)]) for pair in distinct.tolist()]
    at = pa.array(which)
    short_ref, short_alt = (pa.array([one[k] for one in found], pa.string()).take(at) for k in (1, 2))
    return np.array([one[0] for one in found], dtype=np.int64)[which], short_ref, short_alt


def _shortest(ref: str, alt: str) -> tuple[int, str, str]:
    most, end = min(len(ref), len(alt)) - 1, 0
    while end < most and ref[-1 - end] == alt[-1 - end]:
        end += 1
    most, start = most - end, 0
    while start < most and ref[start] == alt[start]:
        start += 1
    return start, ref[start : len(ref) - end], alt[start : len(alt) - end]
