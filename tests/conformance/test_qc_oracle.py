"""plink2's --freq, --geno-counts, --hardy, --het and --missing on 2,504 people, to the printed digit; relatives."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import pytest

from genomics.cohort_qc import CohortQc, cohort_qc

FILES = "genomics/pgsc_calc/assets/examples/target_genomes/cineca_synthetic_subset.vcf.gz"
COUNTS = {
    "hom_ref": "HOM_REF_CT", "het": "HET_REF_ALT_CTS", "hom_alt": "TWO_ALT_GENO_CTS", "hap_ref": "HAP_REF_CT",
    "hap_alt": "HAP_ALT_CTS", "missing": "MISSING_CT",
}  # fmt: skip

Row = dict[str, str]


@pytest.fixture(scope="module")
def found(shared_data: Path) -> CohortQc:
    return cohort_qc(shared_data / FILES, relatives=True)


def oracle(shared_data: Path, name: str) -> list[Row]:
    with gzip.open(shared_data / f"genomics/oracles/qc/cineca.{name}.gz", "rt") as file:
        return [{key.lstrip("#"): value for key, value in row.items()} for row in csv.DictReader(file, delimiter="\t")]


def printed(value: float) -> str:
    """Six significant digits, as plink2 prints."""
    return f"{value:.6g}"


def test_variants(found: CohortQc, shared_data: Path) -> None:
    variants = {f"{row['chrom']}:{row['pos']}:{row['ref']}:{row['alt']}": row for row in found.variants.to_pylist()}
    assert len(variants) == 829
    for row in oracle(shared_data, "afreq"):
        mine = variants[row["ID"]]
        assert (printed(mine["alt_frequency"]), str(mine["allele_number"])) == (row["ALT_FREQS"], row["OBS_CT"])
    for row in oracle(shared_data, "gcount"):
        assert {name: str(variants[row["ID"]][name]) for name in COUNTS} == {k: row[v] for k, v in COUNTS.items()}
    for row in oracle(shared_data, "hardy"):
        mine = variants[row["ID"]]
        ours = [printed(mine[name]) for name in ("het_observed", "het_expected", "hwe_p")]
        assert ours == [row["O(HET_A1)"], row["E(HET_A1)"], row["P"]]
    for row in oracle(shared_data, "vmiss"):
        mine = variants[row["ID"]]
        assert (str(mine["missing"]), printed(mine["missing_rate"])) == (row["MISSING_CT"], row["F_MISS"])


def test_samples(found: CohortQc, shared_data: Path) -> None:
    samples = {row["sample"]: row for row in found.samples.to_pylist()}
    assert len(samples) == 2504
    for row in oracle(shared_data, "het"):
        mine = samples[row["IID"]]
        ours = [str(mine["o_hom"]), printed(mine["e_hom"]), str(mine["n_diploid"]), printed(mine["f"])]
        assert ours == [row["O(HOM)"], row["E(HOM)"], row["OBS_CT"], row["F"]]
    for row in oracle(shared_data, "smiss"):
        mine = samples[row["IID"]]
        ours = [str(mine["n_missing"]), str(mine["n_variants"]), printed(mine["missing_rate"])]
        assert ours == [row["MISSING_CT"], row["OBS_CT"], row["F_MISS"]]


def test_relatives_of_the_1000_genomes(found: CohortQc) -> None:
    """Pairs that others found with all chromosomes: one genome (LWK; kinship 0.446), parent and child (GIH; HapMap 3,
    PI_HAT 0.51). One chromosome tells first degree from strangers, and no more than a handful of 3 million pairs.
    """
    pairs = {(row["first"][:7], row["second"][:7]): row["relation"] for row in found.relatives.to_pylist()}
    assert pairs["NA19331", "NA19334"] == "same_genome"
    assert pairs["NA20891", "NA20900"] == "first_degree"
    assert len(pairs) < 20
