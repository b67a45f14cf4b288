"""From decoded lines to rows: validation, one variant per alternate allele, sparse genotypes, reference stretches."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genomics.builds import LENGTHS, SENTINELS, in_par
from genomics.decode import COLUMN, HAPLOID, INVALID, MISSING, OK, REASONS, Calls, Lines, Problem
from genomics.fields import judged, recoded, texts
from genomics.header import REFERENCE_BLOCK_ALLELES, Header
from genomics.intervals import Intervals, concatenate, merge
from genomics.normalise import clean_reference, is_sequence, trim_coded

REFERENCE_ONLY = (".", *REFERENCE_BLOCK_ALLELES)
PASSING = ("PASS", ".", "", "RefCall")
"""FILTER values that leave a record usable; DeepVariant writes RefCall where it is sure of the reference."""

_MAX_POSITION = 2**31 - 1

Columns = dict[str, Any]
"""Columns by name: Arrow or numpy arrays of one length."""


@dataclass
class Tally:
    """What is counted over the whole file, per sample and once."""

    n_samples: int
    contigs: dict[str, int] = field(default_factory=dict)
    sentinels: dict[str, int] = field(default_factory=dict)
    records: int = 0
    variants: int = 0
    ignored: Counter[str] = field(default_factory=Counter)
    stretches: list[Intervals] = field(default_factory=list)
    unsorted: bool = False
    has_blocks: bool = False
    last_place: int = 0

    def __post_init__(self) -> None:
        self.reasons = np.zeros((len(REASONS), self.n_samples), dtype=np.int64)
        self.x_haploid, self.x_het = np.zeros((2, self.n_samples), dtype=np.int64)


@dataclass
class Rows:
    """Rows of one batch, as columns of the tables of the same name."""

    variants: Columns
    genotypes: Columns
    structural: Columns
    problems: list[Problem]
    n_lines: int


@dataclass
class _Records:
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


def rows_of(lines: Lines, header: Header, build: str, tally: Tally) -> Rows:
    """Turn decoded lines into rows, adding to ``tally`` what belongs to the file as a whole."""
    n_lines = len(lines.line_no) + len(lines.problems)
    problems = list(lines.problems)
    records = _records(lines, header, build, problems)
    _check_alleles(records)
    _count(records, tally)
    _count_reference(records, tally)
    sequence, star = judged(records.allele, is_sequence), judged(records.allele, _is_star)
    reference_only = judged(records.allele, _is_reference_only)
    shown = records.lines.has_genotypes[records.parent]
    counts = _counts(records, tally.n_samples)
    variants = _variants(records, counts, np.flatnonzero(shown & sequence), tally)
    genotypes = _genotypes(records, variants)
    structural = _structural(records, counts, np.flatnonzero(shown & ~sequence & ~reference_only & ~star))
    # an allele removed upstream leaves "*" alone: nothing of this record is a variant of its own
    useful = records.evidence.copy()
    useful[records.parent[~star]] = True
    tally.ignored["no_genotype"] += int((~records.lines.has_genotypes).sum())
    tally.ignored["spanning_deletion_only"] += int((~useful & records.lines.has_genotypes).sum())
    return Rows(variants, genotypes, structural, problems, n_lines)


def _records(lines: Lines, header: Header, build: str, problems: list[Problem]) -> _Records:
    chrom = recoded(lines.coded("CHROM"), lambda names: _canonical(names, header))
    pos = lines.fields.integers(COLUMN["POS"])
    ref, alt = recoded(lines.coded("REF"), clean_reference), recoded(lines.coded("ALT"), pc.utf8_upper)
    keep = _validate(lines, build, (chrom, pos, ref, alt), problems)
    if not keep.all():
        lines, kept = _only(lines, keep), pa.array(keep)
        chrom, pos, ref, alt = chrom.filter(kept), pos[keep], ref.filter(kept), alt.filter(kept)
    parent, allele, number, n_alts = _flattened(alt)
    evidence = np.ones(len(pos), dtype=bool)
    evidence[parent[~judged(allele, _is_reference_only)]] = False
    filters = lines.coded("FILTER")
    end = _ends(lines, header, pos, ref)
    passed = judged(filters, _is_passing)
    return _Records(lines, build, chrom, pos, ref, parent, allele, n_alts, number, evidence, filters, passed, end)


def _canonical(names: pa.Array, header: Header) -> pa.Array:
    return pa.array([header.canonical(name) for name in names.to_pylist()], pa.string())


def _flattened(alt: pa.DictionaryArray) -> tuple[np.ndarray, pa.DictionaryArray, np.ndarray, np.ndarray]:
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


def _is_reference_only(alleles: pa.Array) -> pa.Array:
    return pc.is_in(alleles, value_set=pa.array(REFERENCE_ONLY))


def _is_star(alleles: pa.Array) -> pa.Array:
    return pc.equal(alleles, "*")


def _is_block(alleles: pa.Array) -> pa.Array:
    return pc.is_in(alleles, value_set=pa.array(REFERENCE_BLOCK_ALLELES))


def _are_alleles(lists: pa.Array) -> pa.Array:
    one = r"([ACGTN]+|\*|\.|<[^<>\s,]+>|[^,]*[\[\]][^,]*|\.[ACGTN]+|[ACGTN]+\.)"
    return pc.match_substring_regex(lists, f"^{one}(,{one})*$")


def _validate(
    lines: Lines,
    build: str,
    place: tuple[pa.DictionaryArray, np.ndarray, pa.DictionaryArray, pa.DictionaryArray],
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
        ("alt_equals_ref", _alt_is_ref(ref, alt), "an ALT allele equals REF"),
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


def _alt_is_ref(ref: pa.DictionaryArray, alt: pa.DictionaryArray) -> np.ndarray:
    """Tell which lines list their REF among the ALT alleles."""
    same = np.zeros(len(ref), dtype=bool)
    parent, allele, _, _ = _flattened(alt)
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


def _check_alleles(records: _Records) -> None:
    """A genotype that names an allele which the record does not have is no genotype."""
    calls = records.lines.calls
    impossible = np.maximum(calls.a0, calls.a1) > np.where(records.evidence, 0, records.n_alts)[calls.line]
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


def _count(records: _Records, tally: Tally) -> None:
    """Add what the file's profile needs: order, known rs numbers, calls by reason, and calls on X."""
    lines, pos, n_samples = records.lines, records.pos, tally.n_samples
    calls, contig = lines.calls, _contig_numbers(records, tally)
    if not len(pos):
        return
    # a contig's number is given at first sight, so in a sorted file the place never falls
    place = np.concatenate(([tally.last_place], (contig << 32) + pos))
    tally.unsorted |= bool((place[1:] < place[:-1]).any())
    tally.last_place = int(place[-1])
    starts, ends = lines.fields.starts[COLUMN["ID"]], lines.fields.ends[COLUMN["ID"]]
    named = np.flatnonzero(ends - starts > 1)
    if len(named):
        names = lines.fields.text(COLUMN["ID"], named)
        known = np.asarray(pc.is_in(names, value_set=pa.array(list(SENTINELS))))
        for index in np.flatnonzero(known).tolist():
            tally.sentinels[names[index].as_py()] = int(pos[named[index]])
    tally.records += int(np.count_nonzero(lines.has_genotypes))
    if not n_samples:
        return
    cells = calls.reason.astype(np.int64) * n_samples + calls.sample
    tally.reasons += np.bincount(cells, minlength=tally.reasons.size).reshape(tally.reasons.shape)
    x_number = tally.contigs.get("X", -1)
    if (contig == x_number).any():
        on_x = (contig == x_number) & ~in_par(records.build, pos)
        good = on_x[calls.line] & (calls.reason == OK)
        tally.x_haploid += np.bincount(calls.sample[good & (calls.a1 == HAPLOID)], minlength=n_samples)
        het = good & (calls.a1 >= 0) & (calls.a0 != calls.a1)
        tally.x_het += np.bincount(calls.sample[het], minlength=n_samples)


def _contig_numbers(records: _Records, tally: Tally) -> np.ndarray:
    names = records.chrom.dictionary.to_pylist()
    numbers = np.array([tally.contigs.setdefault(name, len(tally.contigs)) for name in names], dtype=np.int64)
    return numbers[np.asarray(records.chrom.indices)] if len(numbers) else np.zeros(0, dtype=np.int64)


def _count_reference(records: _Records, tally: Tally) -> None:
    """Collect the stretches that good calls of reference records assert."""
    calls = records.lines.calls
    tally.has_blocks |= bool(pc.any(_is_block(records.allele.dictionary)).as_py())
    if not records.evidence.any():
        return
    plain = (calls.a0 == 0) & ((calls.a1 == 0) | (calls.a1 == HAPLOID)) & (calls.reason == OK)
    asserted = np.flatnonzero(plain & (records.passed & records.evidence)[calls.line])
    if not len(asserted):
        return
    line = calls.line[asserted]
    found = Intervals(
        sample=calls.sample[asserted],
        chrom=_contig_numbers(records, tally)[line],
        start=records.pos[line],
        end=np.maximum(records.end[line], records.pos[line] + calls.length[asserted] - 1),
        dp=calls.dp[asserted],
        gq=calls.gq[asserted],
        record_no=records.lines.line_no[line],
    )
    tally.stretches.append(merge(found))
    if len(tally.stretches) > 256:
        tally.stretches = [merge(concatenate(tally.stretches))]


def _counts(records: _Records, n_samples: int) -> dict[str, np.ndarray]:
    """Per line: complete genotypes, alleles in them; per line and allele: copies."""
    lines = records.lines
    calls, size = lines.calls, len(lines.line_no)
    good = calls.reason == OK

    def per_line(chosen: np.ndarray) -> np.ndarray:
        return np.bincount(calls.line if chosen.all() else calls.line[chosen], minlength=size)

    called = (n_samples - per_line(~good)) * lines.has_genotypes
    copies = np.zeros((int(records.n_alts.max(initial=0)) + 1, size), dtype=np.int64)
    for number in range(1, len(copies)):
        copies[number] = per_line((calls.a0 == number) & good) + per_line((calls.a1 == number) & good)
    return {"called": called, "alleles": 2 * called - per_line(good & (calls.a1 == HAPLOID)), "copies": copies}


def _variants(records: _Records, counts: dict[str, np.ndarray], rows: np.ndarray, tally: Tally) -> Columns:
    """One row per alternate allele that is a sequence, and how the record wrote it where trimming changed it."""
    line, number = records.parent[rows], records.number[rows]
    at = pa.array(line)
    source_pos, source_ref, source_alt = records.pos[line], records.ref.take(at), records.allele.take(pa.array(rows))
    pos, ref, alt, trimmed = trim_coded(source_pos, source_ref, source_alt)
    moved = pa.array(np.isin(np.arange(len(rows)), trimmed, assume_unique=True)) if len(trimmed) else None
    none = pa.scalar(None, pa.string())
    first = tally.variants
    tally.variants += len(rows)
    nothing = pa.nulls(len(rows), pa.string())
    return {
        "record_no": records.lines.line_no[line],
        "variant_no": np.arange(first, tally.variants),
        "build": constant(records.build, len(rows)),
        "chrom": records.chrom.take(at),
        "pos": pos,
        "ref": ref,
        "alt": alt,
        "rsid": _names(records, line),
        "n_called": counts["called"][line],
        "alt_count": counts["copies"][number, line],
        "allele_number": counts["alleles"][line],
        "allele_no": number,
        "n_alts": records.n_alts[line],
        "source_pos": pa.nulls(len(rows), pa.int64()) if moved is None else pc.if_else(moved, source_pos, None),
        "source_ref": nothing if moved is None else pc.if_else(moved, source_ref.cast(pa.string()), none),
        "source_alt": nothing if moved is None else pc.if_else(moved, source_alt.cast(pa.string()), none),
        "filter": records.filter.take(at),
        "is_pass": records.passed[line],
        "line": line,
    }


def constant(text: str, size: int) -> pa.DictionaryArray:
    """A text that is the same in all rows, stored once."""
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(size, dtype=np.int32)), pa.array([text]))


def _names(records: _Records, line: np.ndarray) -> pa.Array:
    """Identifiers of variants; null where the record has none."""
    fields, column = records.lines.fields, COLUMN["ID"]
    start, end = fields.starts[column][line], fields.ends[column][line]
    named = (end - start != 1) | (fields.buffer[start] != ord("."))
    if not named.any():
        return pa.nulls(len(line), pa.string())
    end = np.where(named, end, start)
    return pc.if_else(pa.array(named), texts(fields.buffer, start, end), pa.scalar(None, pa.string()))


def _genotypes(records: _Records, variants: Columns) -> Columns:
    """One row per call and variant of its record, unless the call is plainly "two other alleles"."""
    lines, calls, line = records.lines, records.lines.calls, variants.pop("line")
    per_line = np.bincount(line, minlength=len(lines.line_no))
    if (per_line == 1).all() and (records.n_alts == 1).all():
        # the plain case: one variant per line, alleles are 0 and 1 already
        call, variant = np.arange(len(calls.line)), calls.line
        a0, a1, reason = calls.a0, calls.a1, calls.reason
    else:
        first = np.cumsum(per_line) - per_line
        times = per_line[calls.line]
        call = np.repeat(np.arange(len(times)), times)
        variant = np.repeat(first[calls.line] - (np.cumsum(times) - times), times) + np.arange(len(call))
        this = variants["allele_no"][variant]
        a0, a1 = (np.where(side[call] < 0, side[call], side[call] == this) for side in (calls.a0, calls.a1))
        reason = calls.reason[call]
        wanted = np.flatnonzero((reason != OK) | (a0 == 1) | (a1 == 1) | (a1 == HAPLOID))
        call, variant, a0, a1, reason = (one[wanted] for one in (call, variant, a0, a1, reason))
    fine = records.passed[calls.line[call]]
    # the filter speaks only where the genotype itself has nothing to object to
    return {
        "record_no": lines.line_no[calls.line[call]],
        "variant_no": variants["variant_no"][variant],
        "sample": calls.sample[call],
        "a0": a0.astype(np.int8),
        "a1": a1.astype(np.int8),
        "phased": calls.phased[call],
        "phase_set": _nullable(calls.phase_set[call]),
        "state": _words(["not_assessed", "called"], (reason == OK) & fine),
        "reason": _words([*REASONS[1:], "filter"], np.where(fine | (reason != OK), reason, len(REASONS)) - 1),
        "dp": _nullable(calls.dp[call]),
        "gq": _nullable(calls.gq[call]),
    }


def _words(words: list[str], codes: np.ndarray) -> pa.DictionaryArray:
    """Codes as words; a code below 0 is none."""
    absent = codes < 0
    return pa.DictionaryArray.from_arrays(
        pa.array(codes.astype(np.int32), mask=absent if absent.any() else None), pa.array(words)
    )


def _nullable(values: np.ndarray) -> pa.Array:
    absent = values < 0
    return pa.nulls(len(values), pa.int64()) if absent.all() else pa.array(values, mask=absent)


def _reach(records: _Records, rows: np.ndarray) -> np.ndarray:
    """Last position of symbolic alleles: INFO/END, else POS + |SVLEN| of what deletes, copies or turns (VCF 4.4)."""
    line = records.parent[rows]
    end: np.ndarray = records.end[line].copy()
    if not len(rows):
        return end
    spanning = judged(records.allele, _is_spanning)[rows] & (end == records.pos[line])
    for index in np.flatnonzero(spanning).tolist():
        info = records.lines.fields.text(COLUMN["INFO"], line[index : index + 1])[0].as_py()
        found = re.search(r"(?:^|;)SVLEN=([^;]*)", info)
        lengths = found[1].split(",") if found else []
        number = int(records.number[rows[index]]) - 1
        if number < len(lengths) and re.fullmatch(r"[+-]?[0-9]{1,10}", lengths[number]):
            end[index] += abs(int(lengths[number]))
    return end


def _is_spanning(alleles: pa.Array) -> pa.Array:
    return pc.match_substring_regex(alleles, "^<(DEL|DUP|INV|CNV)[:>]")


def _structural(records: _Records, counts: dict[str, np.ndarray], rows: np.ndarray) -> Columns:
    line, at = records.parent[rows], pa.array(records.parent[rows])
    return {
        "record_no": records.lines.line_no[line],
        "build": constant(records.build, len(rows)),
        "chrom": records.chrom.take(at),
        "pos": records.pos[line],
        "end_pos": _reach(records, rows),
        "ref": records.ref.take(at),
        "alt": records.allele.take(pa.array(rows)),
        "rsid": records.lines.fields.text(COLUMN["ID"], line),
        "n_called": counts["called"][line],
        "alt_count": counts["copies"][records.number[rows], line],
        "filter": records.filter.take(at),
    }


def ploidy_sex(tally: Tally) -> list[str]:
    """The sex that the spelling of X outside the pseudoautosomal regions shows; unknown without such calls."""
    male = (tally.x_haploid > 0) & (tally.x_het == 0)
    female = (tally.x_het > 0) & (tally.x_haploid == 0)
    return np.where(male, "male", np.where(female, "female", "unknown")).tolist()
