"""Body lines of a VCF, decoded by column instead of by row.

Two paths give the same answer. Wide cohort lines whose FORMAT is exactly ``GT`` and whose calls are all diploid with
one-digit alleles are a matrix of 32-bit words (``0|1\t``), and all but the carriers fall away in two comparisons.
Everything else goes through the places of its fields. Odd calls are parsed one by one, exactly.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genomics.fields import Fields, compiled, find, integers, judged, split
from genomics.header import FIXED, REFERENCE_BLOCK_ALLELES

MISSING, HAPLOID = -1, -2
"""Allele codes: not called, and no second allele."""

REASONS = (None, "missing", "half_call", "low_gq", "low_dp", "polyploid", "invalid_genotype")
OK, NOT_CALLED, HALF_CALL, LOW_GQ, LOW_DP, POLYPLOID, INVALID = range(7)

STRIDE_SAMPLES = 8
"""From this many samples on, the word matrix pays."""

COLUMN = {name: index for index, name in enumerate((*FIXED, "FORMAT"))}

_TAB, _NEWLINE, _PIPE, _SLASH = b"\t\n|/"
_NUMBERS = {"gq": ("GQ", "RGQ", "GQX"), "dp": ("MIN_DP", "DP"), "phase_set": ("PS",), "length": ("LEN",)}
"""Which FORMAT keys say how good a call is, what it is phased with and (VCF 4.5) how far a reference block reaches; the
first that a record has counts."""
_ALLELE = np.full(256, -100, dtype=np.int8)
_ALLELE[ord("0") : ord("9") + 1] = np.arange(10)
_ALLELE[ord(".")] = MISSING
_PHASED_REF = np.frombuffer(b"0|0\t", dtype="<u4")[0]
_UNPHASED_REF = np.frombuffer(b"0/0\t", dtype="<u4")[0]


@dataclass(frozen=True)
class Quality:
    """Below these a genotype is not assessed. Defaults: gnomAD's high-quality genotypes (GQ >= 20, DP >= 10, haploid 5;
    Karczewski 2020, doi:10.1038/s41586-020-2308-7). Files without GQ or DP are taken as they are.
    """

    min_gq: int = 20
    min_dp: int = 10


@dataclass(frozen=True)
class Problem:
    """A line that cannot be used."""

    line_no: int
    reason: str
    detail: str
    text: str


@dataclass
class Calls:
    """Genotypes that are not plainly homozygous reference; one entry per (line, sample), sorted by both.

    ``reason`` indexes ``REASONS``; ``dp``, ``gq``, ``phase_set`` and ``length`` (of a reference block) are -1 where
    absent.
    """

    line: np.ndarray
    sample: np.ndarray
    a0: np.ndarray
    a1: np.ndarray
    phased: np.ndarray
    phase_set: np.ndarray
    dp: np.ndarray
    gq: np.ndarray
    length: np.ndarray
    reason: np.ndarray


@dataclass
class Lines:
    """Decoded lines: where their fields are, and the calls. ``has_genotypes`` is false where FORMAT lacks GT."""

    line_no: np.ndarray
    fields: Fields
    calls: Calls
    has_genotypes: np.ndarray
    problems: list[Problem]

    def text(self, name: str) -> pa.Array:
        """A fixed column as strings."""
        return self.fields.text(COLUMN[name])

    def coded(self, name: str) -> pa.DictionaryArray:
        """A fixed column as codes of its distinct texts."""
        return self.fields.coded(COLUMN[name])


def decode(
    text: bytes, first_line: int, n_samples: int, *, n_columns: int | None = None, quality: Quality | None = None
) -> Iterator[Lines]:
    """Decode whole lines of a VCF body.

    Args:
        text: lines ending with a newline.
        first_line: the file's line number of the first of them.
        n_samples: sample columns promised by the header.
        n_columns: all columns promised by the header; by default what the samples make necessary.
        quality: thresholds below which a call is not assessed.
    """
    quality = quality or Quality()
    n_columns = n_columns or (9 + n_samples if n_samples else 8)
    if n_samples < STRIDE_SAMPLES:
        yield from _decode_fields(text, None, first_line, n_samples, n_columns, quality)
        return
    buffer = np.frombuffer(text, dtype=np.uint8)
    ends = np.flatnonzero(buffer == _NEWLINE) + 1
    starts = np.concatenate(([0], ends[:-1]))
    numbers = np.arange(first_line, first_line + len(starts))
    wide = _is_wide(buffer, starts, ends, n_samples)
    if wide.any():
        decoded, failed = _decode_wide(text, starts[wide], ends[wide], numbers[wide], n_samples=n_samples)
        wide[np.flatnonzero(wide)[failed]] = False
        if decoded is not None:
            yield decoded
    rest = ~wide
    if rest.any():
        part = text if rest.all() else _join(text, starts[rest], ends[rest])
        yield from _decode_fields(part, numbers[rest], 0, n_samples, n_columns, quality)


def _join(text: bytes, starts: np.ndarray, ends: np.ndarray) -> bytes:
    return b"".join([text[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)])


def _is_wide(buffer: np.ndarray, starts: np.ndarray, ends: np.ndarray, n_samples: int) -> np.ndarray:
    """Lines whose samples take exactly four bytes each and whose FORMAT is GT."""
    first = ends - 4 * n_samples
    wide = first - starts > 16
    at = np.where(wide, first, 4)
    for back, letter in enumerate(b"\tTG\t", start=1):
        wide &= buffer[at - back] == letter
    return wide


def _decode_wide(
    text: bytes, starts: np.ndarray, ends: np.ndarray, numbers: np.ndarray, *, n_samples: int
) -> tuple[Lines | None, np.ndarray]:
    """Decode word-matrix lines; the second result tells which of them must take the other path."""
    width = 4 * n_samples
    pairs = list(zip(starts.tolist(), ends.tolist(), strict=True))
    words = np.frombuffer(b"\t".join([text[end - width : end - 1] for _, end in pairs]) + b"\t", dtype="<u4")
    matrix = words.reshape(len(pairs), n_samples)
    reference = matrix == _PHASED_REF
    np.logical_or(reference, matrix == _UNPHASED_REF, out=reference)
    entries = np.flatnonzero(~reference)
    word = words[entries]
    line = entries // n_samples
    a0, separator, a1 = _ALLELE[word & 255], (word >> 8) & 255, _ALLELE[(word >> 16) & 255]
    bad = (a0 < MISSING) | (a1 < MISSING) | ((word >> 24) != _TAB)
    bad |= (separator != _PIPE) & (separator != _SLASH)
    prefixes = [text[start : end - width] for start, end in pairs]
    failed = np.array([prefix.count(b"\t") != 9 for prefix in prefixes])
    failed[line[bad]] = True
    if failed.all():
        return None, failed
    kept = np.flatnonzero(~failed)
    renumbered = np.cumsum(~failed) - 1
    use = ~failed[line]
    line, entries, a0, a1, separator = (one[use] for one in (line, entries, a0, a1, separator))
    none = np.full(len(line), -1, dtype=np.int64)
    calls = Calls(
        renumbered[line],
        entries % n_samples,
        a0,
        a1,
        separator == _PIPE,
        none,
        none,
        none,
        none,
        _completeness(a0, a1),
    )
    fixed = b"\n".join([prefixes[index][:-1] for index in kept.tolist()]) + b"\n"
    fields = split(fixed, 9) if is_utf8(fixed) else None
    if fields is None:
        failed[:] = True
        return None, failed
    return Lines(numbers[kept], fields, calls, np.ones(len(kept), dtype=bool), []), failed


def _completeness(a0: np.ndarray, a1: np.ndarray) -> np.ndarray:
    reason = np.zeros(len(a0), dtype=np.int8)
    first, second = a0 == MISSING, a1 == MISSING
    reason[first ^ second] = HALF_CALL
    reason[(first & second) | (first & (a1 == HAPLOID))] = NOT_CALLED
    return reason


def _decode_fields(
    text: bytes, numbers: np.ndarray | None, first_line: int, n_samples: int, columns: int, quality: Quality
) -> Iterator[Lines]:
    """Decode lines numbered by ``numbers``, or one after another from ``first_line`` on."""
    problems: list[Problem] = []
    fields = split(text, columns) if is_utf8(text) else None
    if fields is None:
        if numbers is None:
            numbers = np.arange(first_line, first_line + text.count(b"\n"))
        text, numbers, problems = _sorted_out(text, numbers, columns)
        fields = split(text, columns)
    if fields is None:
        raise AssertionError("lines that were looked at one by one have all their fields")
    if numbers is None:
        numbers = np.arange(first_line, first_line + len(fields))
    if not n_samples or not len(numbers):
        yield Lines(numbers, fields, _no_calls(), np.zeros(len(numbers), dtype=bool), problems)
        return
    calls, has_genotypes = _genotypes(fields, quality)
    yield Lines(numbers, fields, calls, has_genotypes, problems)


def _sorted_out(text: bytes, numbers: np.ndarray, columns: int) -> tuple[bytes, np.ndarray, list[Problem]]:
    """Look at lines one by one: the usable ones, and what is wrong with the others. Empty lines are none."""
    problems: list[Problem] = []
    kept: list[int] = []
    lines = text.split(b"\n")[:-1]
    for index, line in enumerate(lines):
        found = line.count(b"\t") + 1
        if not line:
            continue
        if found != columns:
            detail = f"{found} columns, the header has {columns}"
            problems.append(_problem(numbers[index], "column_count", detail, line))
        elif not is_utf8(line):
            problems.append(_problem(numbers[index], "invalid_encoding", "the line is not UTF-8", line))
        elif min(line) < _TAB:
            problems.append(_problem(numbers[index], "invalid_encoding", "the line has control characters", line))
        else:
            kept.append(index)
    return b"".join([lines[index] + b"\n" for index in kept]), numbers[kept], problems


def _no_calls() -> Calls:
    wide, small = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int8)
    return Calls(wide, wide, small, small, np.empty(0, dtype=bool), wide, wide, wide, wide, small)


def _problem(number: int, reason: str, detail: str, line: bytes) -> Problem:
    return Problem(int(number), reason, detail, line[:2000].decode("utf-8", errors="replace"))


def is_utf8(text: bytes) -> bool:
    """Tell whether bytes are UTF-8."""
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _genotypes(fields: Fields, quality: Quality) -> tuple[Calls, np.ndarray]:
    """Calls of all cells but those that plainly are two reference alleles."""
    n_lines, n_samples = len(fields), len(fields.starts) - 9
    buffer, start, limit = fields.buffer, _cells(fields.starts), _cells(fields.ends)
    end, numbers, has_genotypes = _subfields(fields, start, limit)
    length = end - start
    first, separator = buffer[start], buffer[start + 1]
    diploid = (length == 3) & ((separator == _SLASH) | (separator == _PIPE))
    a0 = _ALLELE[first]
    a1 = np.where(diploid, _ALLELE[buffer[start + 2]], np.int8(HAPLOID))
    odd = ~(diploid | (length == 1)) | (a0 < MISSING) | (diploid & (a1 < MISSING))
    gq, dp = numbers["gq"], numbers["dp"]
    poor_gq = (gq >= 0) & (gq < quality.min_gq)
    plain = (a0 == 0) & (a1 == 0) & ~odd & ~poor_gq
    plain &= ~((dp >= 0) & (dp < quality.min_dp))
    # a record without a variant allele is evidence for the reference: all its calls are wanted, with their quality
    evidence = judged(fields.coded(COLUMN["ALT"]), _is_evidence)
    wanted = ~plain & (has_genotypes & ~evidence)[:, None].repeat(n_samples, axis=1).ravel()
    wanted |= (has_genotypes & evidence)[:, None].repeat(n_samples, axis=1).ravel()
    entries = slice(None) if wanted.all() else np.flatnonzero(wanted)
    line, sample = np.divmod(np.arange(n_lines * n_samples)[entries], n_samples)
    calls = Calls(
        line, sample, a0[entries].astype(np.int16), a1[entries].astype(np.int16),
        (diploid & (separator == _PIPE))[entries], numbers["phase_set"][entries], dp[entries], gq[entries],
        numbers["length"][entries], np.zeros(len(line), dtype=np.int8),
    )  # fmt: skip
    exact = np.flatnonzero(odd[entries])
    reasons = _parse_odd(calls, exact, buffer, start[entries], end[entries])
    calls.reason = _completeness(calls.a0, calls.a1)
    good = calls.reason == OK
    # only now is the ploidy of odd calls known, such as 0/13
    least_dp = np.where(calls.a1 == HAPLOID, quality.min_dp // 2, quality.min_dp)
    calls.reason[good & (calls.dp >= 0) & (calls.dp < least_dp)] = LOW_DP
    calls.reason[good & poor_gq[entries]] = LOW_GQ
    calls.reason[exact] = np.where(reasons != OK, reasons, calls.reason[exact])
    return calls, has_genotypes


def _is_evidence(alleles: pa.Array) -> pa.Array:
    return pc.is_in(alleles, value_set=pa.array([".", *REFERENCE_BLOCK_ALLELES]))


def _cells(bounds: np.ndarray) -> np.ndarray:
    """Bounds of the sample columns, line by line."""
    return np.ascontiguousarray(bounds[9:].T).ravel()


def _subfields(
    fields: Fields, start: np.ndarray, limit: np.ndarray
) -> tuple[np.ndarray, dict[str, np.ndarray], np.ndarray]:
    """Where the genotypes of all cells end, their numbers (-1 where absent), and which lines have genotypes.

    The cells of one FORMAT are walked through together, from colon to colon, as far as something is wanted.
    """
    n_samples = len(fields.starts) - 9
    formats = fields.coded(COLUMN["FORMAT"])
    which = np.asarray(formats.indices)
    has_genotypes = np.zeros(len(fields), dtype=bool)
    ends = limit.copy()
    numbers = {name: np.full(len(start), -1, dtype=np.int64) for name in _NUMBERS}
    for code, text in enumerate(formats.dictionary.to_pylist()):
        of_kind = which == code
        alone = bool(of_kind.all())
        keys = text.split(":")
        has_genotypes |= of_kind & (keys[0] == "GT")
        wanted = {next((keys.index(key) for key in keys_ if key in keys), -1): name for name, keys_ in _NUMBERS.items()}
        cells = slice(None) if alone else np.flatnonzero(np.repeat(of_kind, n_samples))
        at, last = start[cells], limit[cells]
        if kernels := compiled():
            _subfields_compiled(kernels, fields.buffer, (at, last), wanted, ends, numbers, cells)
            continue
        for index in range(max(*wanted, 0) + 1):
            stop = find(fields.buffer, ":", at, last) if len(keys) > 1 else last
            if index == 0:
                ends[cells] = stop
            if index in wanted:
                numbers[wanted[index]][cells] = _whole(fields.buffer, at, stop)
            at = np.minimum(stop + 1, last)
    return ends, numbers, has_genotypes


def _subfields_compiled(
    kernels: ModuleType,
    buffer: np.ndarray,
    bounds: tuple[np.ndarray, np.ndarray],
    wanted: dict[int, str],
    ends: np.ndarray,
    numbers: dict[str, np.ndarray],
    cells: slice | np.ndarray,
) -> None:
    names = [name for index, name in wanted.items() if index >= 0]
    keys = np.array([names.index(wanted[one]) if one in wanted else -1 for one in range(max(*wanted, 0) + 1)])
    first = np.empty(len(bounds[0]), dtype=np.int64)
    found = np.full((len(names), len(first)), -1, dtype=np.int64)
    kernels.subfields(buffer, *bounds, keys, first, found)
    ends[cells] = first
    for name, values in zip(names, found, strict=True):
        numbers[name][cells] = values


def _whole(buffer: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Whole parts of numbers; -1 where there is none."""
    value = integers(buffer, start, end)
    rows = np.flatnonzero((value < 0) & (end - start > 1))
    if len(rows):
        value[rows] = integers(buffer, start[rows], find(buffer, ".", start[rows], end[rows]))
    return value


def _parse_odd(calls: Calls, exact: np.ndarray, buffer: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Parse the calls that are not one or two one-digit alleles: exact, and rare enough to go one by one."""
    reasons = np.zeros(len(exact), dtype=np.int8)
    for order, index in enumerate(exact.tolist()):
        text = buffer[start[index] : end[index]].tobytes().decode("latin-1")
        # VCF 4.4 allows a phasing character before the first allele
        alleles = text.lstrip("/|").replace("|", "/").split("/")
        valid = all(allele == "." or (allele.isascii() and allele.isdigit() and len(allele) < 4) for allele in alleles)
        codes = [MISSING if allele == "." else int(allele) for allele in alleles] if valid else []
        if valid and len(codes) <= 2:
            calls.a0[index], calls.a1[index] = codes[0], codes[1] if len(codes) == 2 else HAPLOID
            calls.phased[index] = "|" in text
            continue
        calls.a0[index] = calls.a1[index] = MISSING
        all_missing = valid and set(codes) == {MISSING}
        reasons[order] = NOT_CALLED if all_missing else POLYPLOID if valid else INVALID
    return reasons
