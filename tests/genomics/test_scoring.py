"""Scores: matching, missing genotypes, effect types, X, reference stretches. Expected sums are worked out by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from genomics.scoring import Policy, score_vcf
from tests.genomics.vcf_text import write_vcf

COLUMNS = (
    "rsID chr_name chr_position effect_allele other_allele effect_weight allelefrequency_effect is_dominant"
    " is_recessive"
)


def write_score(path: Path, rows: list[str]) -> Path:
    lines = ["#pgs_id=TEST", "#genome_build=GRCh38", COLUMNS, *rows]
    path.write_text(
        "\n".join(line.replace(" ", "\t") if index > 1 else line for index, line in enumerate(lines)) + "\n"
    )
    return path


def sums(tmp_path: Path, records: list[str], weights: list[str], samples: str, **policy: object) -> dict[str, dict]:
    vcf = write_vcf(tmp_path / "a.vcf", records, list(samples))
    rows, _ = score_vcf(vcf, [write_score(tmp_path / "score.txt", weights)], policy=Policy(**policy))  # type: ignore[arg-type]
    return {row["sample"]: row for row in rows.to_pylist()}


def test_the_effect_allele_may_be_the_reference_and_the_strand_the_other(tmp_path: Path) -> None:
    records = [f"chr1 {position} . A G . . . GT 0/0 0/1 1/1" for position in (100, 200, 300, 400)]
    weights = [
        "rs1 1 100 G A 1 . FALSE FALSE",
        "rs2 1 200 A G 10 . FALSE FALSE",
        "rs3 1 300 C T 100 . FALSE FALSE",
        "rs4 1 400 T C 1000 . FALSE FALSE",
    ]
    found = sums(tmp_path, records, weights, "abc")
    assert {sample: row["sum"] for sample, row in found.items()} == {"a": 2020, "b": 1111, "c": 202}


def test_ambiguous_and_absent_variants_are_counted_apart(tmp_path: Path) -> None:
    weights = ["rs1 1 100 T A 1 . FALSE FALSE", "rs2 1 150 G A 1 . FALSE FALSE", "rs3 1 200 G A 5 . FALSE FALSE"]
    records = ["chr1 100 . A T . . . GT 0/1", "chr1 200 . A G . . . GT 0/1"]
    row = sums(tmp_path, records, weights, "a")["a"]
    assert (row["n_weights"], row["n_matched"], row["n_ambiguous"], row["n_unmatched"]) == (3, 1, 1, 1)
    assert (row["status"], row["sum"], row["z"]) == ("low_match_rate", 5, None)


def test_a_missing_genotype_takes_its_expectation_and_is_never_the_reference(tmp_path: Path) -> None:
    records = ["chr1 100 . A G . . . GT ./. ./1 0/1", "chr1 200 . A G . . . GT 0/1 0/1 0/1"]
    weights = ["rs1 1 100 G A 10 0.3 FALSE FALSE", "rs2 1 200 G A 1 . FALSE FALSE"]
    found = sums(tmp_path, records, weights, "abc", least_match_rate=0.4)
    assert {sample: (row["sum"], row["n_not_assessed"]) for sample, row in found.items()} == {
        "a": (pytest.approx(7), 1), "b": (pytest.approx(7), 1), "c": (11, 0),
    }  # fmt: skip
    without = [weights[0].replace("0.3", "."), weights[1]]
    unknown = sums(tmp_path, records, without, "abc", least_match_rate=0.4)["a"]
    assert (unknown["sum"], unknown["denominator"]) == (1, 2), "without any frequency the site does not count"


def test_too_many_sites_not_assessed_is_a_reason_of_its_own(tmp_path: Path) -> None:
    records = ["chr1 100 . A G . . . GT ./.", "chr1 200 . A G . . . GT 0/1"]
    row = sums(tmp_path, records, ["rs1 1 100 G A 1 . FALSE FALSE", "rs2 1 200 G A 1 . FALSE FALSE"], "a")["a"]
    assert (row["match_rate"], row["status"], row["n_unmatched"], row["n_not_assessed"]) == (1, "low_call_rate", 0, 1)


def test_dominant_and_recessive_weights(tmp_path: Path) -> None:
    records = [f"chr1 {position} . A G . . . GT 0/0 0/1 1/1" for position in (100, 200, 300)]
    weights = ["rs1 1 100 G A 1 . TRUE FALSE", "rs2 1 200 G A 10 . FALSE TRUE", "rs3 1 300 A G 100 . FALSE TRUE"]
    found = sums(tmp_path, records, weights, "abc")
    assert {sample: row["sum"] for sample, row in found.items()} == {"a": 100, "b": 1, "c": 11}


def test_the_reference_of_a_multi_allelic_record_is_what_all_others_leave(tmp_path: Path) -> None:
    found = sums(tmp_path, ["chr1 100 . A G,C . . . GT 1/2 0/2 0/0"], ["rs1 1 100 A G 1 . FALSE FALSE"], "abc")
    assert {sample: row["sum"] for sample, row in found.items()} == {"a": 0, "b": 1, "c": 2}


def test_hemizygous_x_counts_as_the_policy_says(tmp_path: Path) -> None:
    records = ["chrX 50000000 . A G . . . GT 1 0/1 0"]
    weights = ["rs1 X 50000000 G A 1 . FALSE FALSE"]
    assert [row["sum"] for row in sums(tmp_path, records, weights, "abc").values()] == [2, 1, 0]
    one = sums(tmp_path, records, weights, "abc", x_ploidy=1)
    assert [(row["sum"], row["denominator"]) for row in one.values()] == [(1, 1), (1, 2), (0, 1)]


def test_a_single_x_may_be_written_as_a_pair(tmp_path: Path) -> None:
    records = ["chrX 50000000 . A G . . . GT 1/1 1 0/0 1/1", "chrX 50000100 . A G . . . GT 0 0 1 0/1"]
    weights = ["rs1 X 50000000 G A 1 . FALSE FALSE", "rs2 X 50000100 A G 10 . FALSE FALSE"]
    assert [row["sum"] for row in sums(tmp_path, records, weights, "abcw", x_ploidy=1).values()] == [11, 11, 0, 12]
    assert [row["sum"] for row in sums(tmp_path, records, weights, "abcw").values()] == [22, 22, 0, 12]


def test_a_filtered_record_is_not_assessed_for_anyone(tmp_path: Path) -> None:
    records = ["chr1 100 . A G . LowQual . GT 0/1 0/0", "chr1 200 . A G . PASS . GT 0/1 0/1"]
    weights = ["rs1 1 100 A G 1 . FALSE FALSE", "rs2 1 200 G A 1 . FALSE FALSE"]
    found = sums(tmp_path, records, weights, "ab", least_match_rate=0.4)
    assert {(row["sum"], row["n_not_assessed"]) for row in found.values()} == {(1, 1)}


def test_z_and_percentile_name_their_reference(tmp_path: Path) -> None:
    samples = [f"s{index}" for index in range(20)]
    record = "chr1 100 . A G . . . GT " + " ".join(["0/0"] * 10 + ["1/1"] * 10)
    rows, _ = score_vcf(
        write_vcf(tmp_path / "a.vcf", [record], samples),
        [write_score(tmp_path / "s.txt", ["rs1 1 100 G A 1 . FALSE FALSE"])],
    )
    found = {row["sample"]: row for row in rows.to_pylist()}
    # mean 1, sample standard deviation sqrt(20/19)
    assert found["s0"]["z"] == pytest.approx(-((19 / 20) ** 0.5))
    assert (found["s0"]["percentile"], found["s19"]["percentile"]) == (25, 75)
    assert found["s0"]["normalisation"] == "cohort of 20 samples"


def test_indels_match_after_trimming(tmp_path: Path) -> None:
    found = sums(tmp_path, ["chr1 100 . CAGAG CAG . . . GT 0/1"], ["rs1 1 100 C CAG 1 . FALSE FALSE"], "a")
    assert found["a"]["sum"] == 1
