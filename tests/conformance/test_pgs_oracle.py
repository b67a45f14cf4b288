"""The CINECA sample of pgsc_calc against pgscatalog-match and plink2 (1000 Genomes chr22, 2,504 people, PGS001229)."""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest

from genomics.scan import read_tables
from genomics.scoring import score_vcf

EXAMPLES = "genomics/pgsc_calc/assets/examples"


def table(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt") as file:
        return [{key.lstrip("#"): value for key, value in row.items()} for row in csv.DictReader(file, delimiter="\t")]


@pytest.fixture(scope="module")
def cineca(shared_data: Path) -> Path:
    return shared_data / EXAMPLES / "target_genomes/cineca_synthetic_subset.vcf.gz"


@pytest.fixture(scope="module")
def scored(cineca: Path, shared_data: Path) -> tuple[pa.Table, pa.Table]:
    return score_vcf(cineca, [shared_data / EXAMPLES / "scorefiles/PGS001229_22.txt"])


@pytest.fixture(scope="module")
def tables(cineca: Path) -> dict[str, pa.Table]:
    return read_tables(cineca)


def test_matches_are_those_of_pgscatalog_match(scored: tuple[pa.Table, pa.Table]) -> None:
    audit = scored[1]
    assert Counter(audit["status"].to_pylist()) == {"matched": 782, "ambiguous": 47, "unmatched": 6}
    matched = [row["match_type"] for row in audit.to_pylist() if row["status"] == "matched"]
    assert Counter(matched) == {"altref": 566, "refalt": 216}


def test_sums_are_those_of_plink2(scored: tuple[pa.Table, pa.Table], shared_data: Path) -> None:
    expected = {
        row["IID"]: row for row in table(shared_data / "genomics/oracles/pgs/cineca_PGS001229_22_matched782.sscore.gz")
    }
    found = {row["sample"]: row for row in scored[0].to_pylist()}
    assert found.keys() == expected.keys()
    assert len(found) == 2504
    for sample, row in expected.items():
        assert found[sample]["sum"] == pytest.approx(float(row["PGS001229_SUM"]), abs=5e-6)
        assert found[sample]["average"] == pytest.approx(float(row["PGS001229_AVG"]), abs=5e-9)
        assert found[sample]["denominator"] == float(row["DENOM"])
        assert 2 * found[sample]["n_not_assessed"] == int(row["DENOM"]) - int(row["ALLELE_CT"])
        assert (found[sample]["n_matched"], found[sample]["n_ambiguous"], found[sample]["n_unmatched"]) == (782, 47, 6)


def test_frequencies_are_those_of_plink2(tables: dict[str, pa.Table], shared_data: Path) -> None:
    found = {
        f"{row['chrom']}:{row['pos']}:{row['ref']}:{row['alt']}": row for row in tables["genome_variant"].to_pylist()
    }
    for row in table(shared_data / "genomics/oracles/qc/cineca.afreq.gz"):
        mine = found[row["ID"]]
        assert mine["allele_number"] == int(row["OBS_CT"])
        assert float(f"{mine['alt_count'] / mine['allele_number']:.6g}") == float(row["ALT_FREQS"])
    for row in table(shared_data / "genomics/oracles/qc/cineca.vmiss.gz"):
        assert 2504 - found[row["ID"]]["n_called"] == int(row["MISSING_CT"])


def test_genotype_counts_are_those_of_plink2(tables: dict[str, pa.Table], shared_data: Path) -> None:
    counts: dict[int, Counter[str]] = {}
    for row in tables["genome_genotype"].to_pylist():
        kind = "missing" if row["state"] != "called" else "hom" if row["a0"] + row["a1"] == 2 else "het"
        counts.setdefault(row["variant_no"], Counter())[kind] += 1
    ids = {
        f"{row['chrom']}:{row['pos']}:{row['ref']}:{row['alt']}": row["variant_no"]
        for row in tables["genome_variant"].to_pylist()
    }
    for row in table(shared_data / "genomics/oracles/qc/cineca.gcount.gz"):
        mine = counts.get(ids[row["ID"]], Counter())
        expected = (row["HET_REF_ALT_CTS"], row["TWO_ALT_GENO_CTS"], row["MISSING_CT"])
        assert (mine["het"], mine["hom"], mine["missing"]) == tuple(map(int, expected))
        assert 2504 - mine.total() == int(row["HOM_REF_CT"])


def test_missingness_per_sample_is_that_of_plink2(tables: dict[str, pa.Table], shared_data: Path) -> None:
    found = {row["sample"]: row for row in tables["genome_sample"].to_pylist()}
    for row in table(shared_data / "genomics/oracles/qc/cineca.smiss.gz"):
        assert found[row["IID"]]["n_missing"] + found[row["IID"]]["n_half_call"] == int(row["MISSING_CT"])
