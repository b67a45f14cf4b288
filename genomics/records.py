"""From decoded lines to rows: validation, one variant per alternate allele, sparse genotypes, reference stretches."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genomics.builds import LENGTHS, SENTINELS, in_par
from genomics.decode import HAPLOID, INVALID, MISSING, OK, REASONS, Calls, Lines, Problem
from genomics.header import REFERENCE_BLOCK_ALLELES, Header
from genomics.intervals import Intervals, concatenate, merge
from genomics.normalise import by_value, clean_reference, is_sequence, trim, variant_ids

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
    """Usable lines with their places, and their alternate alleles in a flat list.

    ``allele[i]`` is alternate number ``number[i]`` of line ``parent[i]``. ``evidence`` marks lines without a variant
    allele, whose calls are evidence for the reference; ``end`` is the last reference position of a record.
    """

    lines: Lines
    build: str
    chrom: pa.Array
    pos: np.ndarray
    ref: pa.Array
    parent: np.ndarray
    allele: pa.Array
    n_alts: np.ndarray
    number: np.ndarray
    evidence: np.ndarray
    passed: np.ndarray
    end: np.ndarray

    def fixed(self, name: str) -> pa.Array:
        """A fixed column as one array."""
        return self.lines.fixed[name].combine_chunks()


def rows_of(lines: Lines, header: Header, build: str, tally: Tally) -> Rows:
    """Turn decoded lines into rows, adding to ``tally`` what belongs to the file as a whole."""
    n_lines = len(lines.line_no) + len(lines.problems)
    problems = list(lines.problems)
    records = _records(lines, header, build, problems)
    _check_alleles(records)
    _count(records, tally)
    _count_reference(records, tally)
    sequence = np.asarray(by_value(records.allele, is_sequence))
    reference_only = np.asarray(pc.is_in(records.allele, value_set=pa.array(REFERENCE_ONLY)))
    star = np.asarray(pc.equal(records.allele, "*"))
    shown = records.lines.has_genotypes[records.parent]
    counts = _counts(records, tally.n_samples)
    variants = _variants(records, counts, np.flatnonzero(shown & sequence))
    genotypes = _genotypes(records, variants)
    structural = _structural(records, counts, np.flatnonzero(shown & ~sequence & ~reference_only & ~star))
    # an allele removed upstream leaves "*" alone: nothing of this record is a variant of its own
    useful = records.evidence.copy()
    useful[records.parent[~star]] = True
    tally.ignored["no_genotype"] += int((~records.lines.has_genotypes).sum())
    tally.ignored["spanning_deletion_only"] += int((~useful & records.lines.has_genotypes).sum())
    return Rows(variants, genotypes, structural, problems, n_lines)


def _records(lines: Lines, header: Header, build: str, problems: list[Problem]) -> _Records:
    chrom, pos, ref = _place(lines, header)
    alleles = pc.split_pattern(pc.utf8_upper(lines.fixed["ALT"].combine_chunks()), ",")
    keep = _validate(lines, build, (chrom, pos, ref), alleles, problems)
    if not keep.all():
        lines, kept = _only(lines, keep), pa.array(keep)
        chrom, pos, ref, alleles = chrom.filter(kept), pos[keep], ref.filter(kept), alleles.filter(kept)
    parent, allele = np.asarray(pc.list_parent_indices(alleles)), pc.list_flatten(alleles)
    n_alts = np.bincount(parent, minlength=len(pos))
    number = np.arange(len(allele)) - np.repeat(np.cumsum(n_alts) - n_alts, n_alts) + 1
    evidence = np.ones(len(pos), dtype=bool)
    evidence[parent[~np.asarray(pc.is_in(allele, value_set=pa.array(REFERENCE_ONLY)))]] = False
    passed = np.asarray(by_value(lines.fixed["FILTER"].combine_chunks(), _is_passing))
    end = _ends(lines, pos, ref)
    return _Records(lines, build, chrom, pos, ref, parent, allele, n_alts, number, evidence, passed, end)


def _is_passing(filters: pa.Array) -> pa.Array:
    return pc.is_in(filters, value_set=pa.array(PASSING))


def _is_allele(alleles: pa.Array) -> pa.Array:
    return pc.match_substring_regex(alleles, r"^([ACGTN]+|\*|\.|<[^<>\s]+>|.*[\[\]].*|\.[ACGTN]+|[ACGTN]+\.)$")


def _positions(text: pa.Array) -> np.ndarray:
    """POS as numbers; 0 where it is none."""
    try:
        pos = np.asarray(pc.cast(text, pa.int64()))
    except pa.ArrowInvalid:
        digits = pc.match_substring_regex(text, "^[0-9]{1,10}$")
        return np.asarray(pc.cast(pc.if_else(digits, text, "0"), pa.int64())).copy()
    return np.where((pos < 0) | (pos >= 10**10), 0, pos)


def _place(lines: Lines, header: Header) -> tuple[pa.Array, np.ndarray, pa.Array]:
    names = lines.fixed["CHROM"].combine_chunks().dictionary_encode()
    canonical = pa.array([header.canonical(name) for name in names.dictionary.to_pylist()], pa.string())
    chrom = canonical.take(names.indices)
    pos = _positions(lines.fixed["POS"].combine_chunks())
    return chrom, pos, by_value(lines.fixed["REF"].combine_chunks(), clean_reference)


def _validate(
    lines: Lines, build: str, place: tuple[pa.Array, np.ndarray, pa.Array], alleles: pa.Array, problems: list[Problem]
) -> np.ndarray:
    """Find lines that cannot be used; the first fault of a line is the one that is told."""
    chrom, pos, ref = place
    parent, allele = np.asarray(pc.list_parent_indices(alleles)), pc.list_flatten(alleles)
    keep = np.ones(len(pos), dtype=bool)
    limits = LENGTHS.get(build, {})
    codes = chrom.dictionary_encode()
    longest = np.array([limits.get(name, _MAX_POSITION) for name in codes.dictionary.to_pylist()], dtype=np.int64)
    beyond = pos > (longest[np.asarray(codes.indices)] if len(longest) else _MAX_POSITION)
    usable = by_value(allele, _is_allele)
    bad_alt, same = np.zeros((2, len(pos)), dtype=bool)
    bad_alt[parent[~np.asarray(usable)]] = True
    equal = pc.equal(allele, ref.take(pa.array(parent))).fill_null(False)
    same[parent[np.asarray(equal)]] = True
    faults = (
        ("invalid_chrom", np.asarray(pc.equal(chrom, "")), "CHROM is empty"),
        ("header_in_body", np.asarray(pc.starts_with(chrom, "#")), "a header line after the first record"),
        ("invalid_pos", pos < 1, "POS must be a whole number of at least 1"),
        ("position_beyond_contig", beyond, f"POS lies behind the end of the chromosome in {build}"),
        ("invalid_ref", np.asarray(pc.is_null(ref)), "REF must be bases"),
        ("invalid_alt", bad_alt, "ALT must be bases, *, a symbolic allele or a breakend"),
        ("alt_equals_ref", same, "an ALT allele equals REF"),
    )
    for reason, found, detail in faults:
        for index in np.flatnonzero(found & keep).tolist():
            shown = [str(lines.fixed[name][index]) for name in ("CHROM", "POS", "ID", "REF", "ALT")]
            problems.append(Problem(int(lines.line_no[index]), reason, detail, "\t".join(shown)))
        keep &= ~found
    return keep


def _only(lines: Lines, keep: np.ndarray) -> Lines:
    renumbered = np.cumsum(keep) - 1
    use = keep[lines.calls.line]
    calls = Calls(**{name: values[use] for name, values in vars(lines.calls).items()})
    calls.line = renumbered[calls.line]
    return Lines(
        lines.line_no[keep], lines.fixed.filter(pa.array(keep)), calls, lines.has_genotypes[keep], lines.problems
    )


def _check_alleles(records: _Records) -> None:
    """A genotype that names an allele which the record does not have is no genotype."""
    calls = records.lines.calls
    impossible = np.maximum(calls.a0, calls.a1) > np.where(records.evidence, 0, records.n_alts)[calls.line]
    calls.reason[impossible] = INVALID
    calls.a0[impossible] = calls.a1[impossible] = MISSING


def _ends(lines: Lines, pos: np.ndarray, ref: pa.Array) -> np.ndarray:
    """Last reference position of each record: INFO/END where the file declares it, else the end of REF."""
    end = pos + np.asarray(pc.binary_length(ref).fill_null(1)) - 1
    if "INFO" in lines.fixed.column_names and len(pos):
        info = lines.fixed["INFO"].combine_chunks()
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
    tally.unsorted |= bool((np.diff(place) < 0).any())
    tally.last_place = int(place[-1])
    known = np.asarray(pc.is_in(records.fixed("ID"), value_set=pa.array(list(SENTINELS))))
    for index in np.flatnonzero(known).tolist():
        tally.sentinels[lines.fixed["ID"][index].as_py()] = int(pos[index])
    tally.records += int(lines.has_genotypes.sum())
    if not n_samples:
        return
    cells = calls.reason.astype(np.int64) * n_samples + calls.sample
    tally.reasons += np.bincount(cells, minlength=tally.reasons.size).reshape(tally.reasons.shape)
    on_x = (contig == tally.contigs.get("X", -1)) & ~in_par(records.build, pos)
    if on_x.any():
        good = on_x[calls.line] & (calls.reason == OK)
        tally.x_haploid += np.bincount(calls.sample[good & (calls.a1 == HAPLOID)], minlength=n_samples)
        het = good & (calls.a1 >= 0) & (calls.a0 != calls.a1)
        tally.x_het += np.bincount(calls.sample[het], minlength=n_samples)


def _contig_numbers(records: _Records, tally: Tally) -> np.ndarray:
    codes = records.chrom.dictionary_encode()
    names = codes.dictionary.to_pylist()
    numbers = np.array([tally.contigs.setdefault(name, len(tally.contigs)) for name in names], dtype=np.int64)
    return numbers[np.asarray(codes.indices)]


def _count_reference(records: _Records, tally: Tally) -> None:
    """Collect the stretches that good calls of reference records assert."""
    calls = records.lines.calls
    plain = (calls.a0 == 0) & ((calls.a1 == 0) | (calls.a1 == HAPLOID)) & (calls.reason == OK)
    tally.has_blocks |= bool(np.asarray(pc.is_in(records.allele, value_set=pa.array(REFERENCE_BLOCK_ALLELES))).any())
    asserted = np.flatnonzero(plain & (records.passed & records.evidence)[calls.line])
    if not len(asserted):
        return
    line = calls.line[asserted]
    found = Intervals(
        sample=calls.sample[asserted],
        chrom=_contig_numbers(records, tally)[line],
        start=records.pos[line],
        end=records.end[line],
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
    # calls are sorted by line, so sums per line are differences of running sums
    bounds = np.searchsorted(calls.line, np.arange(size + 1))

    def per_line(chosen: np.ndarray) -> np.ndarray:
        running = np.concatenate(([0], np.cumsum(chosen, dtype=np.int64)))
        return running[bounds[1:]] - running[bounds[:-1]]

    called = (n_samples - per_line(~good)) * lines.has_genotypes
    copies = np.zeros((size, int(records.n_alts.max(initial=0)) + 1), dtype=np.int64)
    for number in range(1, copies.shape[1]):
        copies[:, number] = per_line((calls.a0 == number) & good) + per_line((calls.a1 == number) & good)
    return {"called": called, "alleles": 2 * called - per_line(good & (calls.a1 == HAPLOID)), "copies": copies}


def _variants(records: _Records, counts: dict[str, np.ndarray], rows: np.ndarray) -> Columns:
    line, number = records.parent[rows], records.number[rows]
    at = pa.array(line)
    source_ref, source_alt = records.ref.take(at), records.allele.take(pa.array(rows))
    pos, ref, alt = trim(records.pos[line], source_ref, source_alt)
    chrom = records.chrom.take(at)
    names = records.fixed("ID").take(at)
    return {
        "record_no": records.lines.line_no[line],
        "variant_id": variant_ids(records.build, chrom, pos, ref, alt),
        "build": pa.repeat(records.build, len(rows)),
        "chrom": chrom,
        "pos": pos,
        "ref": ref,
        "alt": alt,
        "rsid": pc.if_else(pc.equal(names, "."), pa.scalar(None, pa.string()), names),
        "n_called": counts["called"][line],
        "alt_count": counts["copies"][line, number],
        "allele_number": counts["alleles"][line],
        "allele_no": number,
        "n_alts": records.n_alts[line],
        "source_pos": records.pos[line],
        "source_ref": source_ref,
        "source_alt": source_alt,
        "filter": records.fixed("FILTER").take(at),
        "is_pass": records.passed[line],
        "line": line,
    }


def _genotypes(records: _Records, variants: Columns) -> Columns:
    """One row per call and variant of its record, unless the call is plainly "two other alleles"."""
    lines, calls, line = records.lines, records.lines.calls, variants.pop("line")
    per_line = np.bincount(line, minlength=len(lines.line_no))
    if len(line) == len(per_line) and (per_line == 1).all() and (records.n_alts == 1).all():
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
        "variant_id": variants["variant_id"][variant],
        "sample": calls.sample[call],
        "a0": a0.astype(np.int8),
        "a1": a1.astype(np.int8),
        "phased": calls.phased[call],
        "phase_set": _nullable(calls.phase_set[call]),
        "state": _words(["not_assessed", "called"], (reason == OK) & fine),
        "reason": _words([*REASONS, "filter"], np.where(fine | (reason != OK), reason, len(REASONS))),
        "dp": _nullable(calls.dp[call]),
        "gq": _nullable(calls.gq[call]),
    }


def _words(words: list[str | None], codes: np.ndarray) -> pa.Array:
    """Codes as words; one word for all needs no look-up."""
    first = codes[0] if len(codes) else 0
    if (codes == first).all():
        return pa.repeat(pa.scalar(words[int(first)], pa.string()), len(codes))
    return pa.array(words, pa.string()).take(pa.array(codes.astype(np.int8)))


def _nullable(values: np.ndarray) -> pa.Array:
    absent = values < 0
    return pa.nulls(len(values), pa.int64()) if absent.all() else pa.array(values, mask=absent)


def _structural(records: _Records, counts: dict[str, np.ndarray], rows: np.ndarray) -> Columns:
    line, at = records.parent[rows], pa.array(records.parent[rows])
    return {
        "record_no": records.lines.line_no[line],
        "build": pa.repeat(records.build, len(rows)),
        "chrom": records.chrom.take(at),
        "pos": records.pos[line],
        "end_pos": records.end[line],
        "ref": records.ref.take(at),
        "alt": records.allele.take(pa.array(rows)),
        "rsid": records.fixed("ID").take(at),
        "n_called": counts["called"][line],
        "alt_count": counts["copies"][line, records.number[rows]],
        "filter": records.fixed("FILTER").take(at),
    }


def ploidy_sex(tally: Tally) -> list[str]:
    """The sex that the spelling of X outside the pseudoautosomal regions shows; unknown without such calls."""
    male = (tally.x_haploid > 0) & (tally.x_het == 0)
    female = (tally.x_het > 0) & (tally.x_haploid == 0)
    return np.where(male, "male", np.where(female, "female", "unknown")).tolist()
