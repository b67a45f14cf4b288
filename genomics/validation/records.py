"""Records of a VCF against the specification: fixed columns and genotype columns, a batch of lines at a time."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genomics.builds import SENTINELS
from genomics.decode import is_utf8
from genomics.header import FIXED
from genomics.normalise import trim
from genomics.validation.faults import Faults
from genomics.validation.genotypes import check_genotypes
from genomics.validation.meta import Meta
from genomics.validation.reserved import INFO, Declared, reserved_keys
from genomics.validation.values import QUALITY, least, wrong_count, wrong_type

_BASES = "[ACGTNacgtn]+"
_MATE = r"[^\[\]\s]+:[0-9]+"
_ALLELE = (
    rf"^(?:{_BASES}|\*|<[^<>\s]+>|{_BASES}<[^<>\s]+>|\.{_BASES}|{_BASES}\.|"
    rf"(?:{_BASES}|\.)\[{_MATE}\[|(?:{_BASES}|\.)\]{_MATE}\]|\[{_MATE}\[(?:{_BASES}|\.)|\]{_MATE}\](?:{_BASES}|\.))$"
)
_INFO_KEY = re.compile(r"(?:[A-Za-z_][0-9A-Za-z_.]*|1000G)")


_NONE = np.empty(0, dtype=np.int64)
_TAB = ord("\t")
_KNOWN = pa.array(list(SENTINELS))


@dataclass
class Records:
    """Checks the body of one file; what must be remembered between batches stands here."""

    meta: Meta
    faults: Faults
    count: int = 0
    is_sorted: bool = True
    last_chrom: str | None = None
    last_pos: int = -1
    seen: set[str] = field(default_factory=set)
    sentinels: dict[str, int] = field(default_factory=dict)
    recent: tuple[pa.Array, np.ndarray] = field(default_factory=lambda: (pa.array([], pa.string()), _NONE))

    def check(self, first_line: int, text: bytes) -> None:
        """Check whole lines, the first of which is line ``first_line`` of the file."""
        numbers, text = self._usable(first_line, text)
        self.count += len(numbers)
        if len(numbers):
            Batch(self, numbers, text, self.meta.n_columns).check()

    def _usable(self, first_line: int, text: bytes) -> tuple[np.ndarray, bytes]:
        """Lines with the right number of columns in UTF-8; the others are faults."""
        lines = text.split(b"\n")[:-1]
        columns = np.array([line.count(b"\t") for line in lines]) + 1
        keep = columns == self.meta.n_columns
        for index in np.flatnonzero(~keep).tolist():
            if not lines[index]:
                continue
            header = lines[index].startswith(b"#")
            rule = "header_in_body" if header else "column_count"
            detail = "a header line after the #CHROM line" if header else _columns(columns[index], self.meta)
            self.faults.add(first_line + index, "line", rule, detail)
            self.count += not header
        for detail, spoiled, is_spoiled in (
            ("the line is not UTF-8", not is_utf8(text), lambda line: not is_utf8(line)),
            (
                "the line has control characters",
                np.frombuffer(text, dtype=np.uint8).min(initial=_TAB) < _TAB,
                lambda line: min(line) < _TAB,
            ),
        ):
            for index in np.flatnonzero(keep).tolist() if spoiled else ():
                if is_spoiled(lines[index]):
                    self.faults.add(first_line + index, "line", "encoding", detail)
                    keep[index] = False
                    self.count += 1
        if keep.all():
            return np.arange(first_line, first_line + len(lines)), text
        kept = np.flatnonzero(keep)
        return first_line + kept, b"".join([lines[index] + b"\n" for index in kept.tolist()])


def _columns(found: int, meta: Meta) -> str:
    return f"{found} columns, the header has {meta.n_columns}"


class Batch:
    """Lines of one batch, their columns as Arrow arrays."""

    def __init__(self, records: Records, numbers: np.ndarray, text: bytes, n_columns: int) -> None:
        self.records, self.numbers = records, numbers
        self.meta, self.faults = records.meta, records.faults
        whole = pa.array([text[:-1].replace(b"\n", b"\t").decode()], pa.large_string())
        self.tokens = pc.list_flatten(pc.split_pattern(whole, "\t"))
        self.n_columns = n_columns
        self.fixed = {name: self.column(index) for index, name in enumerate(FIXED)}
        self.alleles = pc.split_pattern(self.fixed["ALT"], ",")
        self.parent = np.asarray(pc.list_parent_indices(self.alleles))
        self.allele = pc.list_flatten(self.alleles)
        missing = np.asarray(pc.equal(self.fixed["ALT"], "."))
        self.n_alts = np.where(missing, 0, np.asarray(pc.list_value_length(self.alleles)))

    def column(self, index: int) -> pa.Array:
        """Column ``index`` of every line."""
        at = np.arange(index, len(self.numbers) * self.n_columns, self.n_columns)
        return self.tokens.take(pa.array(at)).cast(pa.string())

    def report(self, bad: np.ndarray, column: str, rule: str, detail: str | Callable[[int], str]) -> None:
        """Add a fault for each marked line."""
        rows = np.flatnonzero(bad)
        wanted = self.faults.wants(rule)
        for index in rows[:wanted].tolist():
            self.faults.add(self.numbers[index], column, rule, detail if isinstance(detail, str) else detail(index))
        self.faults.skip(rule, max(len(rows) - wanted, 0))

    def unlike(self, column: str, expression: str, *, ignore_case: bool = False) -> np.ndarray:
        """Tell which values of a fixed column do not match."""
        return ~np.asarray(pc.match_substring_regex(self.fixed[column], expression, ignore_case=ignore_case))

    def check(self) -> None:
        """Run all checks."""
        self._chrom_and_order()
        self.report(
            self.unlike("ID", r"^[^\s;]+(;[^\s;]+)*$"), "ID", "id", "identifiers have no white space and no empty part"
        )
        bad_ref = self.unlike("REF", f"^{_BASES}$")
        self.report(bad_ref, "REF", "ref", "REF must be bases A, C, G, T or N")
        known = np.asarray(pc.is_in(self.fixed["ID"], value_set=_KNOWN))
        self.records.sentinels.update(
            (self.fixed["ID"][index].as_py(), int(self.pos[index])) for index in np.flatnonzero(known).tolist()
        )
        self._alt(bad_ref)
        self._duplicates(bad_ref)
        self.report(
            self.unlike("QUAL", QUALITY, ignore_case=True), "QUAL", "qual", "QUAL must be a number of at least 0, or ."
        )
        self._filter()
        self._info()
        if self.n_columns > 9:
            check_genotypes(self)

    def _chrom_and_order(self) -> None:
        state, codes = self.records, self.fixed["CHROM"].dictionary_encode()
        bad = np.array([not _is_contig_name(name, self.meta) for name in codes.dictionary.to_pylist()])
        detail = "a contig's name has no white space, comma, lone < > or undeclared :"
        self.report(bad[np.asarray(codes.indices)], "CHROM", "chrom", detail)
        # <1> is contig 1 of the assembly file: the same place in the order
        codes = pc.replace_substring_regex(self.fixed["CHROM"], "^<(.*)>$", r"\1").dictionary_encode()
        names, code = codes.dictionary.to_pylist(), np.asarray(codes.indices)
        digits = pc.match_substring_regex(self.fixed["POS"], r"^[0-9]{1,10}$")
        good = np.asarray(digits)
        self.report(~good, "POS", "pos", "POS must be a whole number of at least 0")
        pos = np.asarray(pc.cast(pc.if_else(digits, self.fixed["POS"], "0"), pa.int64())).copy()
        pos[~good] = -1
        start = np.concatenate(([names[code[0]] != state.last_chrom], code[1:] != code[:-1]))
        again = np.zeros(len(code), dtype=bool)
        for index in np.flatnonzero(start).tolist():
            name = names[code[index]]
            again[index] = name in state.seen
            state.seen.add(name)
        self.report(again, "CHROM", "contiguous", "records of this contig already ended further up; sort the file")
        before = np.concatenate(([state.last_pos], pos[:-1]))
        falls = ~start & good & (pos < before)
        self.report(falls, "POS", "sorted", lambda row: f"POS {pos[row]} stands after {before[row]}; sort the file")
        state.is_sorted &= not (falls.any() or again.any())
        state.last_chrom, state.last_pos = names[code[-1]], int(pos[-1])
        self.pos, self.chrom = pos, codes

    def _duplicates(self, bad_ref: np.ndarray) -> None:
        """The same variant twice, whatever bases are written around it. Symbolic alleles may repeat."""
        state = self.records
        sequence = np.asarray(pc.match_substring_regex(self.allele, f"^{_BASES}$"))
        rows = np.flatnonzero(sequence & ~bad_ref[self.parent] & (self.pos[self.parent] >= 0))
        line = self.parent[rows]
        ref = pc.utf8_upper(self.fixed["REF"]).take(pa.array(line))
        pos, ref, alt = trim(self.pos[line], ref, pc.utf8_upper(self.allele).take(pa.array(rows)))
        chrom = self.chrom.dictionary.take(self.chrom.indices.take(pa.array(line)))
        keys = pc.binary_join_element_wise(chrom, pa.array(pos).cast(pa.string()), ref, alt, ":")
        ids = np.asarray(pa.concat_arrays([state.recent[0], keys]).dictionary_encode().indices)
        numbers = np.concatenate((state.recent[1], self.numbers[line]))
        order = np.argsort(ids, kind="stable")
        repeats = np.flatnonzero(ids[order][1:] == ids[order][:-1])
        first = dict(zip(numbers[order[repeats + 1]].tolist(), numbers[order[repeats]].tolist(), strict=True))
        twice = np.isin(self.numbers, list(first))
        self.report(twice, "ALT", "duplicate", lambda row: f"the variant of line {first[int(self.numbers[row])]} again")
        # a later record can only repeat what lies behind its own start
        near = (pos >= state.last_pos) & np.asarray(pc.equal(chrom, state.last_chrom))
        state.recent = keys.filter(pa.array(near)), self.numbers[line][near]

    def _alt(self, bad_ref: np.ndarray) -> None:
        lone = np.asarray(pc.list_value_length(self.alleles))[self.parent] == 1
        good = np.asarray(pc.match_substring_regex(self.allele, _ALLELE))
        good |= lone & np.asarray(pc.equal(self.allele, "."))
        bad, same = np.zeros((2, len(self.numbers)), dtype=bool)
        bad[self.parent[~good]] = True
        self.report(bad, "ALT", "alt", "ALT must be bases, *, <ID>, a breakend with bases, or . alone")
        equal = pc.equal(pc.utf8_upper(self.allele), pc.utf8_upper(self.fixed["REF"]).take(pa.array(self.parent)))
        same[self.parent[np.asarray(equal)]] = True
        self.report(same & ~bad_ref, "ALT", "alt_equals_ref", "an ALT allele equals REF")

    def _filter(self) -> None:
        names = pc.split_pattern(self.fixed["FILTER"], ";")
        parent, name = np.asarray(pc.list_parent_indices(names)), pc.list_flatten(names)
        bad = self.unlike("FILTER", r"^[^\s;]+(;[^\s;]+)*$")
        lone = np.asarray(pc.list_value_length(names))[parent] == 1
        reserved = np.asarray(pc.equal(name, "0")) | (np.asarray(pc.equal(name, ".")) & ~lone)
        bad[parent[reserved]] = True
        detail = "FILTER must be PASS, . or names separated by ; without white space; 0 is reserved"
        self.report(bad, "FILTER", "filter", detail)

    def _info(self) -> None:
        given = np.flatnonzero(~np.asarray(pc.equal(self.fixed["INFO"], ".")))
        pairs = pc.split_pattern(self.fixed["INFO"].take(pa.array(given)), ";")
        line = given[np.asarray(pc.list_parent_indices(pairs))]
        parts = pc.split_pattern(pc.list_flatten(pairs), "=", max_splits=1)
        has_value = np.asarray(pc.list_value_length(parts)) == 2
        key = pc.list_element(parts, 0).dictionary_encode()
        flat, first = pc.list_flatten(parts), np.asarray(parts.offsets)[:-1]
        value = flat.take(pa.array(np.where(has_value, first + 1, first)))
        which, reserved = np.asarray(key.indices), reserved_keys("INFO", self.meta.version)
        for code, name in enumerate(key.dictionary.to_pylist()):
            rows = np.flatnonzero(which == code)
            declared = self.meta.info.get(name) or reserved.get(name)
            strict = _INFO_KEY if self.meta.version >= (4, 3) else re.compile(r"[^\s,=;]+")
            if not strict.fullmatch(name):
                self.mark(line[rows], "INFO", "info_key", "a key is empty, or has characters that keys must not have")
            if declared is not None:
                self._info_values(name, declared, line[rows], value.take(pa.array(rows)), has_value[rows])
            if self.meta.version >= (4, 3) and len(rows) != len(np.unique(line[rows])):
                lines, times = np.unique(line[rows], return_counts=True)
                self.mark(lines[times > 1], "INFO", "info_duplicate_key", f"{name} stands twice")
        equals = np.asarray(pc.match_substring_regex(value, '^[^"=]*=|^"[^"]*"[^"]*=')) & has_value
        self.mark(line[equals], "INFO", "info_value", "a value has an equals sign")
        if self.meta.version >= (4, 3):
            bare = np.asarray(pc.match_substring_regex(value, "%(?:$|[^0-9A-Fa-f]|[0-9A-Fa-f](?:$|[^0-9A-Fa-f]))"))
            self.mark(line[bare & has_value], "INFO", "info_value", "a percent sign is written %25")
        if self.meta.version >= (4, 4):
            claim = np.asarray(pc.equal(pc.list_element(parts, 0), "SVCLAIM")) & has_value
            known = np.asarray(pc.match_substring_regex(value, r"^(?:DJ?|J|\.)(?:,(?:DJ?|J|\.))*$"))
            self.mark(line[claim & ~known], "INFO", "info_type", "SVCLAIM is D, J or DJ")
        if self.meta.version < (4, 3):
            space = np.asarray(pc.match_substring_regex(value, r"\s"))
            self.mark(line[space & has_value], "INFO", "info_value", "a value has white space")

    def _info_values(
        self, name: str, declared: Declared, line: np.ndarray, value: pa.Array, has_value: np.ndarray
    ) -> None:
        if declared.number == "0" or declared.type == "Flag":
            flag = np.asarray(pc.is_in(value, value_set=pa.array(["0", "1"])))
            self.mark(line[has_value & ~flag], "INFO", "info_flag", f"{name} is a flag and has no value")
            return
        self.mark(line[~has_value], "INFO", "info_value", f"{name} has no value")
        chosen, line = value.filter(pa.array(has_value)), line[has_value]
        # a text in quotes is one value, whatever stands in it
        quoted = np.asarray(pc.match_substring_regex(chosen, '^".*"$'))
        chosen, line = chosen.filter(pa.array(~quoted)), line[~quoted]
        bad = wrong_type(chosen, name, declared.type, reserved=name in INFO)
        self.mark(line[bad], "INFO", "info_type", f"{name} must be {declared.type}{least(name)}")
        bad = wrong_count(chosen, declared, self.n_alts[line], None)
        self.mark(
            line[bad], "INFO", "info_number", f"{name} has another number of values than Number={declared.number}"
        )

    def mark(self, lines: np.ndarray, column: str, rule: str, detail: str) -> None:
        bad = np.zeros(len(self.numbers), dtype=bool)
        bad[lines] = True
        self.report(bad, column, rule, detail)


def _is_contig_name(name: str, meta: Meta) -> bool:
    bare = name[1:-1] if name.startswith("<") and name.endswith(">") else name
    if not bare or re.search(r"[\s,<>]", bare) or bare.startswith("#"):
        return False
    # 4.1 and 4.2 forbid the colon, yet GRCh38's HLA contigs have it: taken where the header declares them
    return ":" not in bare or meta.version >= (4, 3) or bare in meta.contigs
