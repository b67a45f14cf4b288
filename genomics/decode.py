"""Body lines of a VCF, decoded by column instead of by row: fixed fields through Arrow, genotypes through numpy.

Two paths give the same answer. Wide cohort lines whose FORMAT is exactly ``GT`` and whose calls are all diploid with
one-digit alleles are a matrix of 32-bit words (``0|1\\t``), and all but the carriers fall away in two comparisons.
Everything else goes through the positions of its separators. Odd calls are parsed one by one, exactly.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from genomics.header import FIXED, REFERENCE_BLOCK_ALLELES

MISSING, HAPLOID = -1, -2
"""Allele codes: not called, and no second allele."""

REASONS = (None, "missing", "half_call", "low_gq", "low_dp", "polyploid", "invalid_genotype")
OK, NOT_CALLED, HALF_CALL, LOW_GQ, LOW_DP, POLYPLOID, INVALID = range(7)

STRIDE_SAMPLES = 8
"""From this many samples on, the word matrix pays."""

FEW_SAMPLES = 16
"""Up to this many samples, Arrow splits the lines into columns."""

_TAB, _NEWLINE, _COLON, _PIPE, _SLASH = b"\t\n:|/"
_SEPARATOR = np.zeros(256, dtype=bool)
_SEPARATOR[[_TAB, _NEWLINE, _COLON]] = True
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

    ``reason`` indexes ``REASONS``; ``dp``, ``gq`` and ``phase_set`` are -1 where absent.
    """

    line: np.ndarray
    sample: np.ndarray
    a0: np.ndarray
    a1: np.ndarray
    phased: np.ndarray
    phase_set: np.ndarray
    dp: np.ndarray
    gq: np.ndarray
    reason: np.ndarray


@dataclass
class Lines:
    """Decoded lines: the fixed fields as strings and the calls. ``has_genotypes`` is false where FORMAT lacks GT."""

    line_no: np.ndarray
    fixed: pa.Table
    calls: Calls
    has_genotypes: np.ndarray
    problems: list[Problem]


def decode(
    text: bytes,
    first_line: int,
    n_samples: int,
    *,
    n_columns: int | None = None,
    with_info: bool = False,
    quality: Quality | None = None,
) -> Iterator[Lines]:
    """Decode whole lines of a VCF body.

    Args:
        text: lines ending with a newline.
        first_line: the file's line number of the first of them.
        n_samples: sample columns promised by the header.
        n_columns: all columns promised by the header; by default what the samples make necessary.
        with_info: keep the INFO column.
        quality: thresholds below which a call is not assessed.
    """
    quality = quality or Quality()
    n_columns = n_columns or (9 + n_samples if n_samples else 8)
    buffer = np.frombuffer(text, dtype=np.uint8)
    ends = np.flatnonzero(buffer == _NEWLINE) + 1
    starts = np.concatenate(([0], ends[:-1]))
    numbers = np.arange(first_line, first_line + len(starts))
    filled = ends - starts > 1
    starts, ends, numbers = starts[filled], ends[filled], numbers[filled]
    wide = np.zeros(len(starts), dtype=bool)
    if n_samples >= STRIDE_SAMPLES:
        wide = _is_wide(buffer, starts, ends, n_samples)
        if wide.any():
            decoded, failed = _decode_wide(
                text, starts[wide], ends[wide], numbers[wide], n_samples=n_samples, with_info=with_info
            )
            wide[np.flatnonzero(wide)[failed]] = False
            if decoded is not None:
                yield decoded
    rest = ~wide
    if rest.any():
        part = text if rest.all() and filled.all() else _join(text, starts[rest], ends[rest])
        yield _decode_fields(
            part, numbers[rest], n_samples=n_samples, columns=n_columns, with_info=with_info, quality=quality
        )


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
    text: bytes, starts: np.ndarray, ends: np.ndarray, numbers: np.ndarray, *, n_samples: int, with_info: bool
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
        renumbered[line], entries % n_samples, a0, a1, separator == _PIPE, none, none, none, _completeness(a0, a1)
    )
    fixed, spoiled = _read_fixed(b"\n".join([prefixes[index][:-1] for index in kept]) + b"\n", 9, with_info)
    if spoiled is not None:
        failed[:] = True
        return None, failed
    return Lines(numbers[kept], fixed, calls, np.ones(len(kept), dtype=bool), []), failed


def _completeness(a0: np.ndarray, a1: np.ndarray) -> np.ndarray:
    reason = np.zeros(len(a0), dtype=np.int8)
    first, second = a0 == MISSING, a1 == MISSING
    reason[first ^ second] = HALF_CALL
    reason[(first & second) | (first & (a1 == HAPLOID))] = NOT_CALLED
    return reason


def _decode_fields(
    text: bytes, numbers: np.ndarray, *, n_samples: int, columns: int, with_info: bool, quality: Quality
) -> Lines:
    if 0 < n_samples <= FEW_SAMPLES and columns == 9 + n_samples:
        decoded = _decode_few(text, numbers, n_samples, with_info=with_info, quality=quality)
        if decoded is not None:
            return decoded
    problems: list[Problem] = []
    while True:
        buffer = np.frombuffer(text + b"\0\0\0", dtype=np.uint8)
        separators = np.flatnonzero(_SEPARATOR[buffer[: len(text)]])
        kinds = buffer[separators]
        terminators = np.flatnonzero(kinds != _COLON)
        last = np.flatnonzero(kinds[terminators] == _NEWLINE)
        counts = np.diff(last, prepend=-1)
        good = counts == columns
        lines = text.split(b"\n")[:-1] if not good.all() else []
        for index in np.flatnonzero(~good).tolist():
            detail = f"{counts[index]} columns, the header has {columns}"
            problems.append(_problem(numbers[index], "column_count", detail, lines[index]))
        if lines:
            text, numbers = b"".join([lines[index] + b"\n" for index in np.flatnonzero(good)]), numbers[good]
            continue
        fixed, spoiled = _fixed_of(text, columns, n_samples, with_info)
        if spoiled is None:
            break
        lines = text.split(b"\n")[:-1]
        for index in np.flatnonzero(spoiled).tolist():
            problems.append(_problem(numbers[index], "invalid_encoding", "the line is not UTF-8", lines[index]))
        text, numbers = b"".join([lines[index] + b"\n" for index in np.flatnonzero(~spoiled)]), numbers[~spoiled]
    if not n_samples or not len(numbers):
        return Lines(numbers, fixed, _no_calls(), np.zeros(len(numbers), dtype=bool), problems)
    fields = _Fields(buffer, separators, terminators.reshape(len(numbers), columns)[:, 8:])
    calls, has_genotypes = _genotypes(fields, fixed, quality)
    return Lines(numbers, fixed, calls, has_genotypes, problems)


def _decode_few(text: bytes, numbers: np.ndarray, n_samples: int, *, with_info: bool, quality: Quality) -> Lines | None:
    """Lines of few samples, most of whose bytes no one wants: Arrow finds the columns, only samples are looked into.

    None where a line is not as it should be; the other way then finds out which and why.
    """
    samples = [f"_{index}" for index in range(n_samples)]
    table = _tokenised(text, 9 + n_samples, with_info, samples)
    if table is None or table.num_rows != len(numbers):
        return None
    joined = pc.binary_join_element_wise(*(table[name].combine_chunks() for name in samples), "", "\t")
    # every field ends with a tab, and one stands before the first: terminators are then evenly spaced
    start, end = np.frombuffer(joined.buffers()[1], dtype=np.int32)[[joined.offset, joined.offset + len(joined)]]
    content = np.frombuffer(joined.buffers()[2], dtype=np.uint8)[start:end]
    buffer = np.concatenate((np.array([_TAB], dtype=np.uint8), content, np.zeros(3, dtype=np.uint8)))
    separators = np.flatnonzero(_SEPARATOR[buffer[: len(content) + 1]])
    terminators = np.flatnonzero(buffer[separators] != _COLON)
    if len(terminators) != len(numbers) * n_samples + 1:
        return None
    ends = terminators[1:].reshape(len(numbers), n_samples)
    fields = _Fields(buffer, separators, np.column_stack((terminators[:-1:n_samples], ends)))
    fixed = table.drop_columns(samples)
    calls, has_genotypes = _genotypes(fields, fixed, quality)
    return Lines(numbers, fixed, calls, has_genotypes, [])


def _no_calls() -> Calls:
    wide, small = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int8)
    return Calls(wide, wide, small, small, np.empty(0, dtype=bool), wide, wide, wide, small)


def _problem(number: int, reason: str, detail: str, line: bytes) -> Problem:
    return Problem(int(number), reason, detail, line[:2000].decode("utf-8", errors="replace"))


def _fixed_of(text: bytes, columns: int, n_samples: int, with_info: bool) -> tuple[pa.Table, np.ndarray | None]:
    if n_samples <= 16:
        return _read_fixed(text, columns, with_info)
    parts = [b"\t".join(line.split(b"\t", 9)[:9]) for line in text.split(b"\n")[:-1]]
    return _read_fixed(b"\n".join(parts) + b"\n", 9, with_info)


def _read_fixed(text: bytes, columns: int, with_info: bool) -> tuple[pa.Table, np.ndarray | None]:
    """Tokenise the fixed columns; when the text is not UTF-8, tell which lines spoil it instead."""
    if text == b"\n" or not text:
        return pa.table({name: pa.array([], pa.string()) for name in _wanted(columns, with_info)}), None
    table = _tokenised(text, columns, with_info)
    if table is None:
        return pa.table({}), np.array([not _is_utf8(line) for line in text.split(b"\n")[:-1]])
    return table, None


def _wanted(columns: int, with_info: bool) -> list[str]:
    return [name for name in [*FIXED, "FORMAT"][:columns] if name != "QUAL" and (with_info or name != "INFO")]


def _tokenised(text: bytes, columns: int, with_info: bool, further: list[str] | None = None) -> pa.Table | None:
    """The wanted columns as strings; None when a line has another number of columns or is not UTF-8."""
    names = [*FIXED, "FORMAT", *(f"_{index}" for index in range(columns - 9))][:columns]
    wanted = [*_wanted(columns, with_info), *(further or [])]
    try:
        table = csv.read_csv(
            pa.py_buffer(text),
            csv.ReadOptions(use_threads=False, block_size=len(text) + 1, column_names=names),
            csv.ParseOptions(delimiter="\t", quote_char=False, double_quote=False, escape_char=False),
            csv.ConvertOptions(
                include_columns=wanted, column_types=dict.fromkeys(wanted, pa.string()), strings_can_be_null=False
            ),
        )
    except (pa.ArrowInvalid, UnicodeDecodeError):
        return None
    return table.combine_chunks()


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


@dataclass(frozen=True)
class _Fields:
    """Where the sample fields are: ``terminators`` (lines x samples + 1) indexes ``separators``, from FORMAT's on."""

    buffer: np.ndarray
    separators: np.ndarray
    terminators: np.ndarray

    def subfield(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Start and end in the buffer of each line's subfield number ``keys[line]``; both 0 where it is absent."""
        before, after = self.terminators[:, :-1], self.terminators[:, 1:]
        wanted = keys[:, None]
        present = (wanted >= 0) & (after - before > wanted)
        at = np.where(present, before + np.maximum(wanted, 0), before)
        return np.where(present, self.separators[at] + 1, 0), np.where(present, self.separators[at + 1], 0)

    def integers(self, keys: np.ndarray) -> np.ndarray:
        """Whole part of a non-negative number per line and sample; -1 where absent or not a number."""
        if (keys < 0).all():
            return np.full((len(keys), self.terminators.shape[1] - 1), -1, dtype=np.int64)
        start, end = self.subfield(keys)
        value = np.full(start.shape, -1, dtype=np.int64)
        reading = end > start
        at = start
        for _ in range(10):
            digit = self.buffer[at].astype(np.int64) - ord("0")
            reading = reading & (at < end) & (digit >= 0) & (digit <= 9)
            if not reading.any():
                break
            value = np.where(reading, np.maximum(value, 0) * 10 + digit, value)
            at = at + 1
        return value


def _genotypes(fields: _Fields, fixed: pa.Table, quality: Quality) -> tuple[Calls, np.ndarray]:
    formats = fixed["FORMAT"].combine_chunks().dictionary_encode()
    if isinstance(formats, pa.ChunkedArray):
        formats = formats.combine_chunks()
    kinds = [text.split(":") for text in formats.dictionary.to_pylist()]
    which = np.asarray(formats.indices)

    def key(*names: str) -> np.ndarray:
        return np.array([next((keys.index(n) for n in names if n in keys), -1) for keys in kinds])[which]

    buffer = fields.buffer
    has_genotypes = key("GT") == 0
    start, end = fields.subfield(np.zeros(len(which), dtype=np.int64))
    length = end - start
    separator = buffer[start + 1]
    diploid = (length == 3) & ((separator == _SLASH) | (separator == _PIPE))
    haploid = length == 1
    a0 = _ALLELE[buffer[start]]
    a1 = np.where(diploid, _ALLELE[buffer[start + 2]], np.int8(HAPLOID)).astype(np.int8)
    odd = ~(diploid | haploid) | (a0 < MISSING) | (diploid & (a1 < MISSING))
    gq, dp = fields.integers(key("GQ", "RGQ", "GQX")), fields.integers(key("MIN_DP", "DP"))
    poor_gq = (gq >= 0) & (gq < quality.min_gq)
    poor_dp = (dp >= 0) & (dp < np.where(a1 == HAPLOID, quality.min_dp // 2, quality.min_dp))
    plain = diploid & (a0 == 0) & (a1 == 0) & ~odd & ~poor_gq & ~poor_dp
    # a record without a variant allele is evidence for the reference: all its calls are wanted, with their quality
    evidence = pc.is_in(fixed["ALT"], value_set=pa.array([".", *REFERENCE_BLOCK_ALLELES]))
    plain &= ~np.asarray(evidence.combine_chunks())[:, None]
    entries = np.flatnonzero(~plain & has_genotypes[:, None])
    line, sample = np.divmod(entries, plain.shape[1])

    def picked(values: np.ndarray) -> np.ndarray:
        return values.reshape(-1)[entries]

    calls = Calls(
        line, sample, picked(a0), picked(a1), picked(diploid & (separator == _PIPE)),
        picked(fields.integers(key("PS"))), picked(dp), picked(gq), np.zeros(len(line), dtype=np.int8),
    )  # fmt: skip
    wide = calls.a0.astype(np.int16), calls.a1.astype(np.int16)
    calls.a0, calls.a1 = wide
    exact = np.flatnonzero(picked(odd))
    reasons = _parse_odd(calls, exact, buffer, picked(start), picked(end))
    calls.reason = _completeness(calls.a0, calls.a1)
    good = calls.reason == OK
    # only now is the ploidy of odd calls known, such as 0/13
    least_dp = np.where(calls.a1 == HAPLOID, quality.min_dp // 2, quality.min_dp)
    calls.reason[good & (calls.dp >= 0) & (calls.dp < least_dp)] = LOW_DP
    calls.reason[good & picked(poor_gq)] = LOW_GQ
    calls.reason[exact] = np.where(reasons != OK, reasons, calls.reason[exact])
    return calls, has_genotypes


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
