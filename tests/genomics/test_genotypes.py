"""Genotypes: every spelling, against a reader that goes call by call."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as budget
from hypothesis import strategies as st

from genomics.scan import read_tables
from tests.genomics.vcf_text import vcf_text, write_vcf

CALLS = ["0/0", "0|0", "0/1", "1|0", "1/1", "./.", ".|.", ".", "0", "1", "0/.", "./1", ".|1", "1|.", "2/1", "2", "0|2"]


def one_by_one(call: str) -> tuple[list[int], str | None]:
    """Alleles (-1 missing, -2 no such allele) and the reason why a call is not complete: VCF 4.3, 1.6.2."""
    alleles = [-1 if allele == "." else int(allele) for allele in re.split(r"[/|]", call)]
    known = [allele for allele in alleles if allele >= 0]
    reason = None if len(known) == len(alleles) else "half_call" if known else "missing"
    return [*alleles, -2][:2], reason


def genotypes(path: Path) -> dict[tuple[int, str, str], dict]:
    """Rows by position, ALT and sample."""
    tables = read_tables(path)
    variants = tables["genome_variant"].to_pylist()
    return {
        (variants[row["variant_no"]]["pos"], variants[row["variant_no"]]["alt"], row["sample"]): row
        for row in tables["genome_genotype"].to_pylist()
    }


@budget(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), n_samples=st.sampled_from([1, 3, 9, 20]), keys=st.sampled_from(["", ":DP", ":AD:GQ"]))
def test_every_call_is_read_as_a_call_by_call_reader_reads_it(
    tmp_path: Path, data: st.DataObject, n_samples: int, keys: str
) -> None:
    simple = data.draw(st.booleans())
    calls = st.sampled_from(CALLS[:8] if simple else CALLS)
    lines = data.draw(st.lists(st.lists(calls, min_size=n_samples, max_size=n_samples), min_size=1, max_size=6))
    samples = [f"s{index}" for index in range(n_samples)]
    alt = "C" if simple else "C,G"
    # trailing fields may be dropped from a call: every other line does so
    more = [keys.replace("DP", "30").replace("AD", "3,4").replace("GQ", "99"), ""]
    records = [
        f"chr1 {100 + index} . A {alt} . PASS . GT{keys} {' '.join(call + more[index % 2] for call in line)}"
        for index, line in enumerate(lines)
    ]
    found = genotypes(write_vcf(tmp_path / "calls.vcf", records, samples))
    for index, line in enumerate(lines):
        for sample, call in zip(samples, line, strict=True):
            (first, second), reason = one_by_one(call)
            for number, base in enumerate(alt.split(","), start=1):
                row = found.get((100 + index, base, sample))
                expected = [allele if allele < 0 else int(allele == number) for allele in (first, second)]
                if row is None:
                    assert (reason, expected) == (None, [0, 0]), "only a plain reference may go without a row"
                    continue
                assert [row["a0"], row["a1"]] == expected
                assert row["reason"] == reason
                assert row["state"] == ("called" if reason is None else "not_assessed")


@pytest.mark.parametrize("call", ["0/.", "./1", ".|1", "1|."])
@pytest.mark.parametrize("n_samples", [1, 12])
def test_a_half_call_is_never_heterozygous(tmp_path: Path, call: str, n_samples: int) -> None:
    samples = [f"s{index}" for index in range(n_samples)]
    path = write_vcf(tmp_path / "half.vcf", ["chr1 100 . A C . . . GT " + " ".join([call] * n_samples)], samples)
    tables = read_tables(path)
    assert set(tables["genome_genotype"]["state"].to_pylist()) == {"not_assessed"}
    assert set(tables["genome_sample"]["n_half_call"].to_pylist()) == {1}
    assert tables["genome_variant"]["n_called"].to_pylist() == [0]


def test_multi_allelic_calls_keep_the_copies_of_each_allele(tmp_path: Path) -> None:
    path = write_vcf(tmp_path / "multi.vcf", ["chr1 100 rs1 A C,G . PASS . GT 1/2 0/2 1|1 0/0"], list("abcd"))
    found = genotypes(path)
    assert {(key[1], key[2]): (row["a0"], row["a1"]) for key, row in found.items()} == {
        ("C", "a"): (1, 0),
        ("G", "a"): (0, 1),
        ("G", "b"): (0, 1),
        ("C", "c"): (1, 1),
    }
    variants = read_tables(path)["genome_variant"].to_pylist()
    assert [(row["alt"], row["allele_no"], row["alt_count"], row["allele_number"]) for row in variants] == [
        ("C", 1, 3, 8),
        ("G", 2, 2, 8),
    ]


def test_an_allele_the_record_does_not_have_and_other_odd_calls_are_not_assessed(tmp_path: Path) -> None:
    calls = ["0/7", "0/0/1", "x/y", "./././.", "12/13"]
    path = write_vcf(tmp_path / "odd.vcf", ["chr1 100 . A C . . . GT " + " ".join(calls)], list("abcde"))
    rows = {key[2]: row["reason"] for key, row in genotypes(path).items()}
    assert rows == {
        "a": "invalid_genotype",
        "b": "polyploid",
        "c": "invalid_genotype",
        "d": "missing",
        "e": "invalid_genotype",
    }


def test_poor_quality_is_a_reason_and_a_filter_speaks_for_all(tmp_path: Path) -> None:
    records = [
        "chr1 100 . A C . PASS . GT:DP:GQ 0/1:30:99 0/1:30:5 0/0:3:50 0/0:30:50",
        "chr1 200 . A C . LowQual . GT:DP:GQ 0/1:30:99 0/0:30:99 0/0:30:99 ./.:.:.",
    ]
    path = write_vcf(tmp_path / "quality.vcf", records, list("abcd"))
    rows = {
        (key[0], key[2]): (row["state"], row["reason"], row["dp"], row["gq"]) for key, row in genotypes(path).items()
    }
    assert rows == {
        (100, "a"): ("called", None, 30, 99),
        (100, "b"): ("not_assessed", "low_gq", 30, 5),
        (100, "c"): ("not_assessed", "low_dp", 3, 50),
        (200, "a"): ("not_assessed", "filter", 30, 99),
        (200, "d"): ("not_assessed", "missing", None, None),
    }
    assert read_tables(path)["genome_variant"]["is_pass"].to_pylist() == [True, False]


def test_phase_sets_are_kept(tmp_path: Path) -> None:
    path = write_vcf(tmp_path / "phase.vcf", ["chr1 100 . A C . . . GT:PS 0|1:77 1|0:. 0/1"], list("abc"))
    rows = {key[2]: (row["phased"], row["phase_set"]) for key, row in genotypes(path).items()}
    assert rows == {"a": (True, 77), "b": (True, None), "c": (False, None)}


def test_stars_reference_blocks_and_symbolic_alleles_are_no_variants(tmp_path: Path) -> None:
    records = [
        "chr1 100 . A C,* . . . GT 1/2",
        "chr1 110 . A <NON_REF> . . END=150 GT 0/0",
        "chr1 200 sv1 A <DEL> . . END=900 GT 0/1",
        "chr1 300 . A ]chr2:55]A . . . GT 0/1",
        "chr1 400 . A * . . . GT 0/1",
    ]
    tables = read_tables(write_vcf(tmp_path / "sv.vcf", records, ["a"]))
    assert tables["genome_variant"]["alt"].to_pylist() == ["C"]
    assert tables["genome_structural_variant"].select(["pos", "end_pos", "alt_count"]).to_pylist() == [
        {"pos": 200, "end_pos": 900, "alt_count": 1},
        {"pos": 300, "end_pos": 300, "alt_count": 1},
    ]


def test_sex_from_the_spelling_of_x(tmp_path: Path) -> None:
    records = [
        "chrX 1000000 . A C . . . GT 0/1 0/1",
        "chrX 50000000 . A C . . . GT 1 0/1",
        "chrX 60000000 . A C . . . GT 0 0/0",
    ]
    tables = read_tables(write_vcf(tmp_path / "x.vcf", records, ["man", "woman"]))
    assert tables["genome_sample"]["ploidy_sex"].to_pylist() == ["male", "female"]
    rows = {(key[0], key[2]): (row["a0"], row["a1"]) for key, row in genotypes(tmp_path / "x.vcf").items()}
    assert rows[(50000000, "man")] == (1, -2)
    assert rows[(60000000, "man")] == (0, -2)


def test_text_helper_is_a_valid_vcf() -> None:
    assert vcf_text([], ["a"]).splitlines()[-1].split("\t")[-2:] == ["FORMAT", "a"]
