"""Alleles: which are sequence, how they are trimmed, and the identifier of a variant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_FNV_OFFSET = np.uint64(0xCBF29CE484222325)
_FNV_PRIME = np.uint64(0x100000001B3)

IUPAC_FIRST = str.maketrans("RYSWKMBDHV", "ACCAGACAAA")
"""VCF 4.3, 1.6.1.4: an ambiguity code in REF is reduced to the concrete base that comes first in the alphabet."""


def by_value(strings: pa.Array, function: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """Apply a function of single strings to each distinct string once: alleles and filters repeat."""
    codes = strings.dictionary_encode()
    return function(codes.dictionary).take(codes.indices)


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


def variant_ids(build: str, chrom: pa.Array, pos: np.ndarray, ref: pa.Array, alt: pa.Array) -> np.ndarray:
    """Return the signed 64-bit identifier of ``build:chrom:pos:ref:alt``.

    FNV-1a over the ASCII text, then MurmurHash3's 64-bit finaliser, read as a signed integer: the same in every
    language and version, so reloading a file gives the same rows. The text itself is never put together: its parts
    are hashed one after another.
    """
    state = np.full(len(pos), _FNV_OFFSET)
    with np.errstate(over="ignore"):
        codes = (chrom.combine_chunks() if isinstance(chrom, pa.ChunkedArray) else chrom).dictionary_encode()
        heads = [_hash_text(f"{build}:{name}:") for name in codes.dictionary.to_pylist()]
        if heads:
            state = np.array(heads, dtype=np.uint64)[np.asarray(codes.indices)]
        _hash_digits(state, pos)
        for alleles in (ref, alt):
            state ^= np.uint64(ord(":"))
            state *= _FNV_PRIME
            _hash_characters(state, alleles)
        return _finalised(state).view(np.int64)


def _hash_text(text: str) -> int:
    state = int(_FNV_OFFSET)
    for byte in text.encode():
        state = (state ^ byte) * int(_FNV_PRIME) & 0xFFFFFFFFFFFFFFFF
    return state


def _hash_digits(state: np.ndarray, numbers: np.ndarray) -> None:
    """Hash non-negative numbers as they are written, without leading zeros, in place."""
    # 32 bits divide several times as fast; positions always fit
    kind: Any = np.uint32 if int(np.max(numbers, initial=0)) < 2**32 else np.uint64
    rest: np.ndarray = np.asarray(numbers).astype(kind)
    least, power = int(rest.min()) if len(rest) else 0, 1
    while len(rest) and power * 10 <= int(rest.max()):
        power *= 10
    whole = rest
    while power:
        digit = rest // kind(power)
        rest = rest - digit * kind(power)
        written = digit.astype(np.uint64) + np.uint64(ord("0"))
        if power == 1 or least >= power:
            state ^= written
            state *= _FNV_PRIME
        else:
            rows = np.flatnonzero(whole >= power)
            state[rows] = (state[rows] ^ written[rows]) * _FNV_PRIME
        power //= 10


def _hash_characters(state: np.ndarray, strings: pa.Array) -> None:
    """Hash strings in place, character by character over all rows that are that long."""
    if isinstance(strings, pa.ChunkedArray):
        strings = strings.combine_chunks()
    offsets = np.frombuffer(strings.buffers()[1], dtype=np.int32)[strings.offset : strings.offset + len(strings) + 1]
    data = np.frombuffer(strings.buffers()[2] or b"", dtype=np.uint8)
    starts, lengths = offsets[:-1], np.diff(offsets)
    if len(lengths) and (lengths >= 1).all():
        state ^= data[starts]
        state *= _FNV_PRIME
        index, rows = 1, np.flatnonzero(lengths > 1)
    else:
        index, rows = 0, np.flatnonzero(lengths > 0)
    while len(rows):
        state[rows] = (state[rows] ^ data[starts[rows] + index]) * _FNV_PRIME
        index += 1
        rows = rows[lengths[rows] > index]


def _finalised(state: np.ndarray) -> np.ndarray:
    state ^= state >> np.uint64(33)
    state *= np.uint64(0xFF51AFD7ED558CCD)
    state ^= state >> np.uint64(33)
    state *= np.uint64(0xC4CEB9FE1A85EC53)
    state ^= state >> np.uint64(33)
    return state
