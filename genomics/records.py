"""From decoded lines to rows: one variant per alternate allele, sparse genotypes, reference stretches."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genomics.builds import SENTINELS, in_par
from genomics.decode import COLUMN, HAPLOID, OK, REASONS, Lines, Problem
from genomics.fields import judged, texts
from genomics.header import REFERENCE_BLOCK_ALLELES, Header
from genomics.intervals import Intervals, concatenate, merge
from genomics.normalise import is_sequence, trim_coded
from genomics.usable import Records, is_reference_only, usable

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


def rows_of(lines: Lines, header: Header, build: str, tally: Tally) -> Rows:
    """Turn decoded lines into rows, adding to ``tally`` what belongs to the file as a whole."""
    n_lines = len(lines.line_no) + len(lines.problems)
    problems = list(lines.problems)
    records = usable(lines, header, build, problems)
    _count(records, tally)
    _count_reference(records, tally)
    sequence, star = judged(records.allele, is_sequence), judged(records.allele, _is_star)
    reference_only = judged(records.allele, is_reference_only)
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


def _is_star(alleles: pa.Array) -> pa.Array:
    return pc.equal(alleles, "*")


def _is_block(alleles: pa.Array) -> pa.Array:
    return pc.is_in(alleles, value_set=pa.array(REFERENCE_BLOCK_ALLELES))


def _count(records: Records, tally: Tally) -> None:
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


def _contig_numbers(records: Records, tally: Tally) -> np.ndarray:
    names = records.chrom.dictionary.to_pylist()
    numbers = np.array([tally.contigs.setdefault(name, len(tally.contigs)) for name in names], dtype=np.int64)
    return numbers[np.asarray(records.chrom.indices)] if len(numbers) else np.zeros(0, dtype=np.int64)


def _count_reference(records: Records, tally: Tally) -> None:
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


def _counts(records: Records, n_samples: int) -> dict[str, np.ndarray]:
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


def _variants(records: Records, counts: dict[str, np.ndarray], rows: np.ndarray, tally: Tally) -> Columns:
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


def _names(records: Records, line: np.ndarray) -> pa.Array:
    """Identifiers of variants; null where the record has none."""
    fields, column = records.lines.fields, COLUMN["ID"]
    start, end = fields.starts[column][line], fields.ends[column][line]
    absent = (end - start == 1) & (fields.buffer[start] == ord("."))
    return pa.nulls(len(line), pa.string()) if absent.all() else texts(fields.buffer, start, end, absent)


def _genotypes(records: Records, variants: Columns) -> Columns:
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


def _reach(records: Records, rows: np.ndarray) -> np.ndarray:
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


def _structural(records: Records, counts: dict[str, np.ndarray], rows: np.ndarray) -> Columns:
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
