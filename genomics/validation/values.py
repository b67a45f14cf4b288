"""Values of INFO and FORMAT keys against Number and Type, many at a time."""

from __future__ import annotations

from math import comb

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genomics.validation.reserved import NOT_NEGATIVE, Declared

_EXPONENT = "(?:[eE][-+]?[0-9]+)?"
_INFINITE = "[iI][nN][fF](?:[iI][nN][iI][tT][yY])?|[nN][aA][nN]"
_FLOAT = rf"[-+]?(?:[0-9]+\.?[0-9]*{_EXPONENT}|\.[0-9]+{_EXPONENT}|{_INFINITE})"
_ELEMENT = {"Integer": r"[-+]?[0-9]+", "Float": _FLOAT, "Character": r"[^,]", "String": r"[^,]*"}
_CIGAR = r"(?:[0-9]+[MIDNSHPX=])+"
QUALITY = r"^(?:\.|\+?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|\+?(?:inf|infinity|nan)|-0(?:\.0*)?)$"
"""QUAL: a number of at least 0, or missing."""


def pattern(key: str, kind: str, *, reserved: bool) -> str | None:
    """Regular expression of a whole value, or None where every text will do."""
    element = _ELEMENT.get(kind)
    if reserved and key == "CIGAR":
        element = _CIGAR
    elif reserved and key in NOT_NEGATIVE and element is not None:
        element = element.removeprefix("[-+]?")
    if element is None or element == _ELEMENT["String"]:
        return None
    return rf"^(?:{element}|\.)(?:,(?:{element}|\.))*$"


def least(key: str) -> str:
    """The end of a sentence about an INFO key's type."""
    if key == "CIGAR":
        return " of counts and operations, such as 3M1I"
    return " and not negative" if key in NOT_NEGATIVE else ""


def wrong_type(values: pa.Array, key: str, kind: str, *, reserved: bool) -> np.ndarray:
    """Tell which values have an element that is not of its type; empty and missing values are fine."""
    expression = pattern(key, kind, reserved=reserved)
    if expression is None:
        return np.zeros(len(values), dtype=bool)
    good = pc.or_(pc.match_substring_regex(values, expression), pc.is_in(values, value_set=_NOTHING))
    wrong = ~np.asarray(good)
    if kind == "Integer":
        long = np.flatnonzero(~wrong & np.asarray(pc.match_substring_regex(values, "[0-9]{10}").fill_null(False)))
        wrong[long] = [_is_beyond(text) for text in values.take(pa.array(long)).to_pylist()]
    return wrong


def _is_beyond(text: str) -> bool:
    """Integers have 32 bits, and the eight lowest are reserved (VCF 4.3, section 1.3)."""
    return any(one != "." and not -(2**31) + 8 <= int(one) < 2**31 for one in text.split(","))


_NOTHING = pa.array(["", "."])


def wrong_count(values: pa.Array, declared: Declared, n_alts: np.ndarray, ploidy: np.ndarray | None) -> np.ndarray:
    """Tell which values have another number of elements than declared; empty and missing values are fine.

    Args:
        values: comma-separated values.
        n_alts: alternate alleles of each value's record; 0 for ``.``, whose files often write values for one.
        ploidy: alleles of the sample's genotype, 0 unknown; None for INFO, where Number=G is open.
    """
    number = declared.number
    if number == "." or (number == "G" and ploidy is None):
        return np.zeros(len(values), dtype=bool)
    counts = np.asarray(pc.count_substring(values, ",")) + 1
    given = ~np.asarray(pc.is_in(values, value_set=_NOTHING))
    if number.isdigit():
        return given & (counts != int(number))
    wrong = np.ones(len(values), dtype=bool)
    for alts in (n_alts, np.where(n_alts == 0, 1, n_alts)):
        if number == "A":
            wrong &= counts != alts
        elif number == "R":
            wrong &= counts != alts + 1
        elif number == "G" and ploidy is not None:
            for assumed in (np.where(ploidy > 0, ploidy, 2), np.where(ploidy > 0, ploidy, 1)):
                wrong &= counts != genotypes(alts, assumed)
        elif number == "P" and ploidy is not None:
            wrong &= (counts != ploidy) & (ploidy > 0)
        else:
            return np.zeros(len(values), dtype=bool)
    return given & wrong


def genotypes(n_alts: np.ndarray, ploidy: np.ndarray) -> np.ndarray:
    """Number of unordered genotypes: with replacement, ``ploidy`` out of ``n_alts + 1`` alleles."""
    code = n_alts.astype(np.int64) * 1000 + ploidy
    distinct, where = np.unique(code, return_inverse=True)
    table = np.array([comb(one // 1000 + one % 1000, one % 1000) for one in distinct.tolist()], dtype=np.int64)
    return table[where]
