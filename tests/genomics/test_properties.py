"""Whatever a genotype looks like, whichever way decodes it: missing stays missing, half stays half, haploid haploid."""

from __future__ import annotations

import hashlib
from pathlib import Path

import duckdb
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from genomics.cohort_qc import cohort_qc
from genomics.decode import (
    HALF_CALL,
    HAPLOID,
    LOW_DP,
    LOW_GQ,
    MISSING,
    NOT_CALLED,
    OK,
    POLYPLOID,
    STRIDE_SAMPLES,
    decode,
)
from genomics.dosage import dosage_batches
from genomics.fields import find, split
from genomics.tables import VARIANT_ID
from tests.genomics.vcf_text import write_vcf

ALLELES = st.sampled_from([".", "0", "1", "2", "13"])
CALLS = st.builds(
    lambda alleles, separator: separator.join(alleles), st.lists(ALLELES, min_size=1, max_size=3), st.sampled_from("/|")
)
QUALITIES = st.one_of(st.none(), st.tuples(st.integers(0, 99), st.integers(0, 60)))
FIELDS = st.lists(st.tuples(CALLS, QUALITIES), min_size=1, max_size=40)

Decoded = tuple[int, int, int]


def expected(call: str, quality: tuple[int, int] | None) -> Decoded | None:
    """What the specification says: alleles and what is wrong with the call; None for a plain homozygous reference."""
    alleles = [MISSING if one == "." else int(one) for one in call.replace("|", "/").split("/")]
    if len(alleles) > 2:
        return (MISSING, MISSING, NOT_CALLED if set(alleles) == {MISSING} else POLYPLOID)
    first, second = alleles[0], alleles[1] if len(alleles) == 2 else HAPLOID
    known = [one for one in alleles if one != MISSING]
    reason = NOT_CALLED if not known else HALF_CALL if len(known) < len(alleles) else OK
    if reason == OK and quality is not None:
        least = 5 if second == HAPLOID else 10
        reason = LOW_GQ if quality[0] < 20 else LOW_DP if quality[1] < least else OK
    return None if (first, second, reason) == (0, 0, OK) else (first, second, reason)


def line(fields: list[tuple[str, tuple[int, int] | None]]) -> tuple[bytes, list[str]]:
    """A record with all fields as samples; without qualities FORMAT is GT alone."""
    with_quality = any(quality is not None for _, quality in fields)
    texts = []
    for call, quality in fields:
        # fields may be left out at the end
        texts.append(call if quality is None else f"{call}:{quality[0]}:{quality[1]}")
    keys = "GT:GQ:DP" if with_quality else "GT"
    return ("\t".join(["1", "100", ".", "A", "C,G", ".", "PASS", ".", keys, *texts]) + "\n").encode(), texts


def decoded(text: bytes, n_samples: int) -> dict[tuple[int, int], Decoded]:
    found = {}
    for lines in decode(text, 1, n_samples):
        assert not lines.problems
        calls = lines.calls
        for index in range(len(calls.line)):
            place = (int(lines.line_no[calls.line[index]]), int(calls.sample[index]))
            found[place] = (int(calls.a0[index]), int(calls.a1[index]), int(calls.reason[index]))
    return found


@settings(max_examples=80, deadline=None)
@given(FIELDS)
def test_every_way_of_decoding_says_what_the_call_says(fields: list[tuple[str, tuple[int, int] | None]]) -> None:
    many, texts = line(fields)
    wanted = {(1, index): one for index, field in enumerate(fields) if (one := expected(*field)) is not None}
    assert decoded(many, len(fields)) == wanted
    # the same calls one below the other in a file of one sample
    keys = many.split(b"\t")[8].decode()
    single = "".join(f"1\t{100 + index}\t.\tA\tC,G\t.\tPASS\t.\t{keys}\t{text}\n" for index, text in enumerate(texts))
    assert decoded(single.encode(), 1) == {(place[1] + 1, 0): one for place, one in wanted.items()}


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.lists(st.sampled_from(["0|0", "0/0", "0|1", "1/1", "./.", "0/.", ".|1", "2|1"]), min_size=12, max_size=12),
        min_size=1,
        max_size=6,
    )
)
def test_words_of_a_cohort_say_the_same_as_fields(rows: list[list[str]]) -> None:
    assert STRIDE_SAMPLES <= 12
    text = "".join(f"1\t{100 + n}\t.\tA\tC,G\t.\tPASS\t.\tGT\t" + "\t".join(row) + "\n" for n, row in enumerate(rows))
    wanted = {
        (n + 1, index): one
        for n, row in enumerate(rows)
        for index, call in enumerate(row)
        if (one := expected(call, None)) is not None
    }
    assert decoded(text.encode(), 12) == wanted


def test_missing_is_never_reference_and_half_never_heterozygous(tmp_path: Path) -> None:
    calls = ["./.", ".|.", ".", "0/.", "./0", ".|1", "1/.", "0", "1", "0/0", "0/1", "1|1"]
    path = write_vcf(
        tmp_path / "x.vcf", [f"chrX 3000000 . A G . PASS . GT {' '.join(calls)}"], [f"s{i}" for i in range(12)]
    )
    (row,) = cohort_qc(path).variants.to_pylist()
    counted = {name: row[name] for name in ("hom_ref", "het", "hom_alt", "hap_ref", "hap_alt", "missing")}
    assert counted == {"hom_ref": 1, "het": 1, "hom_alt": 1, "hap_ref": 1, "hap_alt": 1, "missing": 7}
    (batch,) = dosage_batches(path)
    assert batch.matrix.tolist() == [[-1, -1, -1, -1, -1, -1, -1, 0, 1, 0, 1, 2]]


NUMBERS = st.one_of(st.integers(0, 10**10 - 1).map(str), st.text("0123456789.-+x", max_size=12))
TEXTS = st.text("ACGTé<>*", max_size=40)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(NUMBERS, st.one_of(st.sampled_from(["A", "T", "PASS", "GT:AD:DP"]), TEXTS)), min_size=1))
def test_fields_are_what_a_split_by_tabs_gives(rows: list[tuple[str, str]]) -> None:
    found = split("".join(f"{number}\t{text}\n" for number, text in rows).encode(), 2)
    assert found is not None
    numbers, strings = [number for number, _ in rows], [text for _, text in rows]
    assert found.text(0).to_pylist() == numbers
    assert (found.text(1).to_pylist(), found.coded(1).cast(pa.string()).to_pylist()) == (strings, strings)
    assert len(set(found.coded(1).dictionary.to_pylist())) == len(found.coded(1).dictionary)
    whole = [int(one) if one.isascii() and one.isdigit() and len(one) <= 10 else -1 for one in numbers]
    assert found.integers(0).tolist() == whole
    start, end = found.starts[1], found.ends[1]
    colons = [text.encode().find(b":") for text in strings]
    expected = [a + at if at >= 0 else b for a, b, at in zip(start.tolist(), end.tolist(), colons, strict=True)]
    assert find(found.buffer, ":", start, end).tolist() == expected
    assert split(b"".join(f"{number}\t{text}\n".encode() for number, text in rows) + b"one column\n", 2) is None


def test_identifiers_are_hashes_of_their_text() -> None:
    con = duckdb.connect()
    con.execute(VARIANT_ID)
    digest = hashlib.md5(b"GRCh38:22:17080378:G:A").digest()
    expected = int.from_bytes(digest[8:], "little") & (2**63 - 1)
    (found,) = con.execute("select variant_id('GRCh38', '22', 17080378, 'G', 'A')").fetchone() or (None,)
    assert found == expected
