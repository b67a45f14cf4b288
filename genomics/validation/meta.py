"""Meta-information lines of a VCF header, checked one by one, and what they declare."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from genomics.header import FIXED
from genomics.validation.faults import Faults
from genomics.validation.reserved import (
    FORMAT_TYPES,
    IN_USE,
    INFO_TYPES,
    LOOSE_TYPE,
    SYMBOLIC,
    Declared,
    Version,
    numbers,
    reserved_keys,
)

_FILEFORMAT = re.compile(r"##fileformat=VCFv4\.([0-5])")
_META = re.compile(r"##([^\s=<>\"]+)=(.+)", re.DOTALL)
_ATTRIBUTE = re.compile(r'([A-Za-z0-9_.\-]+)=("(?:[^"\\]|\\.)*"|[^",<>]*)(,|$)')
_SYMBOLIC_ATTRIBUTE = re.compile(r'([A-Za-z0-9_.\-]+)=("(?:[^"\\]|\\.)*"|(?:[^",<>][^,<>]*)?)(,|$)')
"""From 4.3 on a symbolic allele may have any printable character but these, in its middle also a quote."""
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://(?:[^@/\s]+@)?(?P<host>[^:/\s?]+)(?::\d+)?(?:[/?]\S*)?")
_ADDRESS = re.compile(r"\d+(\.\d+){3}")
_UNIQUE = ("INFO", "FORMAT", "FILTER", "ALT")
"""Kinds whose IDs are unique from 4.3 on; the valid files of others declare a contig twice."""
_ORDER = ("ID", "Number", "Type", "Description")

Attributes = dict[str, tuple[str, bool]]
"""Key to value and whether it was quoted."""


@dataclass
class Meta:
    """What a header declares. ``version`` is (4, 2) where line 1 does not tell."""

    version: Version = (4, 2)
    info: dict[str, Declared] = field(default_factory=dict)
    format: dict[str, Declared] = field(default_factory=dict)
    contigs: set[str] = field(default_factory=set)
    seen: set[tuple[str, str]] = field(default_factory=set)
    samples: list[str] = field(default_factory=list)
    n_columns: int = 8
    line_count: int = 0


def read_meta(lines: list[str], faults: Faults) -> Meta:
    """Check the header lines, ``#CHROM`` last, and collect what they declare.

    Args:
        lines: all lines up to the ``#CHROM`` line, without line ends.
        faults: takes what is wrong.
    """
    meta = Meta(line_count=len(lines))
    found = _FILEFORMAT.fullmatch(lines[0]) if lines else None
    if found:
        meta.version = (4, int(found[1]))
    else:
        faults.add(1, "header", "fileformat", "line 1 must be ##fileformat=VCFv4.x, with x from 0 to 5")
    for number, line in enumerate(lines, start=1):
        if line.startswith("#CHROM"):
            _columns(number, line, meta, faults)
        elif number > 1 or not line.startswith("##fileformat"):
            _line(number, line, meta, faults)
    return meta


def attributes(value: str, pattern: re.Pattern[str] = _ATTRIBUTE) -> Attributes | str:
    """Parse ``<key=value,...>``; returns what is wrong with it where it cannot be parsed."""
    if not value.endswith(">"):
        return "the closing > is missing"
    inner, at = value[1:-1], 0
    found: Attributes = {}
    while at < len(inner):
        match = pattern.match(inner, at)
        if match is None:
            return f"not key=value pairs from character {at + 2} on; a text with , < > or quotes must be quoted"
        key, text, _ = match.groups()
        quoted = text.startswith('"')
        if key in found:
            return f"{key} stands twice"
        found[key] = (text[1:-1] if quoted else text, quoted)
        at = match.end()
    return found if found else "there are no key=value pairs"


def _line(number: int, line: str, meta: Meta, faults: Faults) -> None:
    match = _META.fullmatch(line)
    if match is None:
        faults.add(number, "header", "meta_key_value", "a header line must be ##key=value, with a value")
        return
    key, value = match.groups()
    if key in ("assembly", "pedigreeDB"):
        _address(number, key, value, faults)
    elif key in _CHECKS:
        if not value.startswith("<"):
            faults.add(number, "header", "meta_structure", f"##{key} must be structured: ##{key}=<ID=...>")
            return
        found = attributes(value, _SYMBOLIC_ATTRIBUTE if key == "ALT" and meta.version >= (4, 3) else _ATTRIBUTE)
        if isinstance(found, str):
            faults.add(number, "header", "meta_structure", f"##{key}: {found}")
            return
        name = found.get("ID", ("", False))[0]
        if key in _UNIQUE and meta.version >= (4, 3) and (key, name) in meta.seen:
            faults.add(number, "header", "meta_duplicate", f"##{key}: an ID of its kind must be unique")
        meta.seen.add((key, name))
        for rule, detail in _CHECKS[key](key, found, meta):
            faults.add(number, "header", rule, f"##{key}: {detail}")
    elif value.startswith("<") and not value.endswith(">"):
        faults.add(number, "header", "meta_structure", f"##{key}: the closing > is missing")


def _address(number: int, key: str, value: str, faults: Faults) -> None:
    text = value[1:-1] if value.startswith("<") and value.endswith(">") else value
    if not text:
        faults.add(number, "header", "meta_key_value", f"##{key} has no value")
    elif "://" in text:
        match = _URL.fullmatch(text)
        if match is None or (match["host"].isdigit() and not _ADDRESS.fullmatch(match["host"])):
            faults.add(number, "header", "meta_url", f"##{key} is not a URL")


Found = list[tuple[str, str]]


def _field(key: str, found: Attributes, meta: Meta) -> Found:
    """INFO and FORMAT: four attributes in order, their values, and the reserved keys."""
    faults: Found = []
    missing = [name for name in _ORDER if name not in found]
    if missing:
        return [("meta_missing_attribute", f"{', '.join(missing)} missing")]
    if [name for name in found if name in _ORDER] != list(_ORDER) or list(found)[:4] != list(_ORDER):
        faults.append(("meta_order", "the order must be ID, Number, Type, Description"))
    name, number, kind = found["ID"][0], found["Number"][0], found["Type"][0]
    if not name or re.search(r"[\s;=,]", name):
        faults.append(("meta_id", "ID is empty or has white space, a comma, ; or ="))
    if not (number.isdigit() or number in numbers(meta.version)):
        faults.append(("meta_number", f"Number={number} does not exist in VCF {meta.version[0]}.{meta.version[1]}"))
    if kind not in (INFO_TYPES if key == "INFO" else FORMAT_TYPES):
        faults.append(("meta_type", f"Type={kind} does not exist for {key}"))
    faults += _quoted(found, "Description")
    reserved = reserved_keys(key, meta.version).get(name)
    if reserved:
        if number != reserved.number:
            faults.append(("reserved_number", f"{name} is reserved with Number={reserved.number}, not {number}"))
        if kind != reserved.type and (key, name) not in LOOSE_TYPE:
            faults.append(("reserved_type", f"{name} is reserved with Type={reserved.type}, not {kind}"))
    (meta.info if key == "INFO" else meta.format)[name] = Declared(number, kind)
    return faults


def _quoted(found: Attributes, name: str) -> Found:
    return [] if name not in found or found[name][1] else [("meta_quotes", f"{name} must stand in double quotes")]


def _filter(_: str, found: Attributes, meta: Meta) -> Found:
    if missing := _described(found, meta):
        return missing
    faults = _quoted(found, "Description")
    if found["ID"][0] == "0" or re.search(r"[\s;]", found["ID"][0]):
        faults.append(("meta_id", "a filter must not be 0 and has no white space and no ;"))
    return faults


def _described(found: Attributes, meta: Meta) -> Found:
    """FILTER and ALT need an ID and, up to 4.3, a description."""
    needed = ("ID",) if meta.version >= (4, 4) else ("ID", "Description")
    missing = [name for name in needed if name not in found]
    return [("meta_missing_attribute", f"{', '.join(missing)} missing")] if missing else []


def _alt(_: str, found: Attributes, meta: Meta) -> Found:
    if missing := _described(found, meta):
        return missing
    faults = _quoted(found, "Description")
    name = found["ID"][0]
    usual = name.split(":")[0] in SYMBOLIC or name in IN_USE or re.fullmatch(r"CN\d+|[RYSWKMBDHV]", name)
    if not usual and meta.version < (4, 3):
        faults.append(("meta_alt_id", "ID must be DEL, INS, DUP, INV or CNV, alone or with :SUBTYPE"))
    if re.search(r"\s", name):
        faults.append(("meta_id", "ID has white space"))
    given = [name for name in found if name in _ORDER]
    if given != [name for name in _ORDER if name in given]:
        faults.append(("meta_order", "the order must be ID, Description"))
    if "Number" in found and not (found["Number"][0].isdigit() or found["Number"][0] in numbers(meta.version)):
        faults.append(("meta_number", f"Number={found['Number'][0]} does not exist"))
    if "Type" in found and found["Type"][0] not in INFO_TYPES:
        faults.append(("meta_type", f"Type={found['Type'][0]} does not exist"))
    return faults


def _contig(_: str, found: Attributes, meta: Meta) -> Found:
    name = found.get("ID", ("", False))[0]
    if not name:
        return [("meta_missing_attribute", "ID missing")]
    meta.contigs.add(name)
    faults: Found = []
    if re.search(r"[\s,<>]", name):
        faults.append(("meta_id", "ID has white space, a comma or an angle bracket"))
    length = found.get("length", ("0", False))[0]
    if not length.isdigit():
        faults.append(("meta_contig_length", "length must be a whole number"))
    return faults


def _sample(_: str, found: Attributes, meta: Meta) -> Found:
    needed = ("ID", "Genomes", "Mixture", "Description") if meta.version < (4, 3) else ("ID",)
    missing = [name for name in needed if name not in found]
    if missing:
        return [("meta_missing_attribute", f"{', '.join(missing)} missing")]
    if meta.version < (4, 3):
        quoted = [name for name, (_, is_quoted) in found.items() if is_quoted and name != "Description"]
        if quoted:
            return [("meta_quotes", f"{', '.join(quoted)} must not be quoted")]
    return []


def _pedigree(_: str, found: Attributes, meta: Meta) -> Found:
    bad = [name for name, (value, _) in found.items() if re.search(r"[\s:;,]", value) or not value]
    return [("meta_pedigree", f"{', '.join(bad)}: a genome's name has white space or punctuation")] if bad else []


_CHECKS = {
    "INFO": _field,
    "FORMAT": _field,
    "FILTER": _filter,
    "ALT": _alt,
    "contig": _contig,
    "SAMPLE": _sample,
    "PEDIGREE": _pedigree,
}


def _columns(number: int, line: str, meta: Meta, faults: Faults) -> None:
    columns = line[1:].split("\t")
    meta.n_columns = len(columns)
    if tuple(columns[:8]) != FIXED:
        faults.add(number, "header", "column_names", f"columns must be {' '.join(FIXED)}, separated by tabs")
    if len(columns) > 8 and columns[8] != "FORMAT":
        faults.add(number, "header", "column_names", "column 9 must be FORMAT")
    if len(columns) == 9:
        faults.add(number, "header", "column_names", "FORMAT without a sample column")
    meta.samples = columns[9:]
    if len(set(meta.samples)) != len(meta.samples):
        again = next(index for index, name in enumerate(meta.samples) if name in meta.samples[:index])
        faults.add(number, "header", "duplicate_sample", f"the sample name of column {again + 10} stands twice")
    if any(not name.strip() for name in meta.samples):
        faults.add(number, "header", "column_names", "a sample column has no name")
