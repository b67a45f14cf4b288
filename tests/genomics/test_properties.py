"""Whatever a genotype looks like, whichever way decodes it: missing stays missing, half stays half, haploid haploid."""

from __future__ import annotations

from pathlib import Path

import numpy as np
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
from genomics.normalise import variant_ids
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


TEXTS = st.text("ACGT", min_size=1, max_size=12)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["1", "22", "X", "HLA-A*01:01"]), st.integers(0, 2**31), TEXTS, TEXTS), max_size=8
    )
)
def test_identifiers_are_hashes_of_their_text(variants: list[tuple[str, int, str, str]]) -> None:
    """FNV-1a (Fowler, Noll, Vo) and MurmurHash3's finaliser, written out in whole numbers."""
    mask = 2**64 - 1

    def hashed(text: str) -> int:
        state = 0xCBF29CE484222325
        for byte in text.encode():
            state = (state ^ byte) * 0x100000001B3 & mask
        state = (state ^ state >> 33) * 0xFF51AFD7ED558CCD & mask
        state = (state ^ state >> 33) * 0xC4CEB9FE1A85EC53 & mask
        state ^= state >> 33
        return state - 2**64 if state >= 2**63 else state

    chrom, pos, ref, alt = zip(*variants, strict=True) if variants else ((), (), (), ())
    strings = [pa.array(one, pa.string()) for one in (chrom, ref, alt)]
    found = variant_ids("GRCh38", strings[0], np.array(pos, dtype=np.int64), strings[1], strings[2])
    assert found.tolist() == [hashed(f"GRCh38:{c}:{p}:{r}:{a}") for c, p, r, a in variants]
