"""What a header declares, and the INFO and FORMAT keys whose meaning the specification reserves.

Sources: The Variant Call Format Specification, versions 4.1 to 4.5, sections 1.2 (meta-information lines), 1.4.1
(fixed fields) and 1.4.2 (genotype fields).
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

Version = tuple[int, int]


class Declared(NamedTuple):
    """Number and Type of a key, as written in a header: Number is a count, A, R, G or ``.``."""

    number: str
    type: str


INFO_TYPES = frozenset({"Integer", "Float", "Flag", "Character", "String"})
FORMAT_TYPES = INFO_TYPES - {"Flag"}

INFO: dict[str, Declared] = {
    "AA": Declared("1", "String"),
    "AC": Declared("A", "Integer"),
    "AF": Declared("A", "Float"),
    "AN": Declared("1", "Integer"),
    "BQ": Declared("1", "Float"),
    "CIGAR": Declared("A", "String"),
    "DB": Declared("0", "Flag"),
    "DP": Declared("1", "Integer"),
    "END": Declared("1", "Integer"),
    "H2": Declared("0", "Flag"),
    "H3": Declared("0", "Flag"),
    "MQ": Declared("1", "Float"),
    "MQ0": Declared("1", "Integer"),
    "NS": Declared("1", "Integer"),
    "SOMATIC": Declared("0", "Flag"),
    "VALIDATED": Declared("0", "Flag"),
    "1000G": Declared("0", "Flag"),
}

FORMAT: dict[str, Declared] = {
    "GT": Declared("1", "String"),
    "DP": Declared("1", "Integer"),
    "FT": Declared("1", "String"),
    "GL": Declared("G", "Float"),
    "GLE": Declared("G", "String"),
    "PL": Declared("G", "Integer"),
    "GP": Declared("G", "Float"),
    "GQ": Declared("1", "Integer"),
    "HQ": Declared("2", "Integer"),
    "PS": Declared("1", "Integer"),
    "PQ": Declared("1", "Integer"),
    "EC": Declared("A", "Integer"),
    "MQ": Declared("1", "Integer"),
}

_DEPTHS = {key: Declared("R", "Integer") for key in ("AD", "ADF", "ADR")}
_LATER: tuple[tuple[Version, dict[str, Declared], dict[str, Declared]], ...] = (
    ((4, 3), _DEPTHS, {**_DEPTHS, "PP": Declared("G", "Integer")}),
    (
        (4, 4),
        {
            "SVLEN": Declared("A", "Integer"),
            "SVCLAIM": Declared("A", "String"),
            "CN": Declared("A", "Float"),
            "RN": Declared("A", "Integer"),
        },
        {
            "CN": Declared("1", "Float"),
            "CICN": Declared("2", "Float"),
            "PSL": Declared("P", "String"),
            "PSO": Declared("P", "Integer"),
            "PSQ": Declared("P", "Integer"),
        },
    ),
    (
        (4, 5),
        {},
        {
            "LEN": Declared("1", "Integer"),
            "LAA": Declared(".", "Integer"),
            "LAD": Declared("LR", "Integer"),
            "LGT": Declared("1", "String"),
            "LPL": Declared("LG", "Integer"),
        },
    ),
)
"""Version from which on keys are reserved, and those of INFO and FORMAT."""


@cache
def reserved_keys(kind: str, version: Version) -> dict[str, Declared]:
    """Keys of INFO or FORMAT that a version reserves."""
    keys = dict(INFO if kind == "INFO" else FORMAT)
    for since, info, format_ in _LATER:
        if version >= since:
            keys |= info if kind == "INFO" else format_
    return keys


LOOSE_TYPE = frozenset({("INFO", "MQ")})
"""Keys whose type older versions leave open: 4.1 and 4.2 do not say whether a root mean square is a whole number."""

NOT_NEGATIVE = frozenset({"AC", "AF", "AN", "DP", "END", "MQ0", "NS"})
"""INFO keys that count or measure, so never fall below 0."""

SYMBOLIC = frozenset({"DEL", "INS", "DUP", "INV", "CNV"})
"""First parts of ALT identifiers for structural variants."""

IN_USE = frozenset({"NON_REF", "*", "X", "BND", "TRA", "CN0"})
"""ALT identifiers that GATK, htslib and samtools write for "anything else", and two that callers of structural
variants share; refusing them would refuse every gVCF in use."""


def numbers(version: Version) -> frozenset[str]:
    """Letters that Number may be in a version, besides a count."""
    letters = {"A", "G", "."}
    if version >= (4, 2):
        letters |= {"R"}
    if version >= (4, 4):
        letters |= {"P"}
    if version >= (4, 5):
        letters |= {"LA", "LR", "LG", "M"}
    return frozenset(letters)
