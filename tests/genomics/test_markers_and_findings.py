"""APOE, clotting and iron markers; ClinVar findings; derived tables as a whole."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from genomics.derive import derive
from genomics.findings import find_vcf, secondary_genes
from genomics.markers import apoe
from genomics.tables import DERIVED
from lake import derived
from lake.settings import Settings
from tests.genomics.landing import land
from tests.genomics.vcf_text import vcf_text

CONTIGS = {"chr1": 248956422, "chr6": 170805979, "chr13": 114364328, "chr19": 58617616, "chrX": 156040895}


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (("T", "T", None), ("C", "C", None), "e3/e3"),
        (("T", "C", None), ("C", "C", None), "e3/e4"),
        (("C", "C", None), ("C", "C", None), "e4/e4"),
        (("T", "T", None), ("C", "T", None), "e2/e3"),
        (("T", "T", None), ("T", "T", None), "e2/e2"),
        (("T", "C", None), ("C", "T", None), "e2/e4"),
        (("T", "C", "1"), ("T", "C", "1"), "e2/e4"),
        (("T", "C", "1"), ("C", "T", "1"), "e1/e3"),
    ],
)
def test_apoe(first: tuple, second: tuple, expected: str) -> None:
    # e2 = T,T; e3 = T,C; e4 = C,C at rs429358, rs7412 (dbSNP; the reference genome is e3)
    assert apoe(first, second)[0] == expected


def test_apoe_needs_both_positions() -> None:
    assert apoe(None, ("C", "C", None))[1] == "not_assessed"


def test_the_secondary_list_has_84_genes() -> None:
    genes = secondary_genes()["gene"].to_pylist()
    assert len(genes) == len(set(genes)) == 84
    assert not {"MITF", "BARD1", "CHEK2", "ATM"} & set(genes)


RULES = {
    "all P and LP": "any", "two_variants": "pair", "all (AR; list says all P and LP)": "pair",
    "truncating variants only": "truncating", "c.845G>A p.Cys282Tyr homozygotes only": "c282y",
    "hemi or homozygous, or two het": "x", "hemi, het and hom": "x_any",
}  # fmt: skip
"""The shared list's words to our rules."""


def test_the_secondary_list_is_the_published_one(shared_data: Path) -> None:
    lines = (shared_data / "genomics/acmg/acmg_sf_v3_3.tsv").read_text().splitlines()[1:]
    ours = {row["gene"]: row["rule"] for row in secondary_genes().to_pylist()}
    told = {gene: RULES[rule] for gene, _, rule in (line.split("\t") for line in lines)}
    assert ours == told


def clinvar(rows: list[str]) -> str:
    header = ['##INFO=<ID=CLNSIG,Number=.,Type=String,Description="x">']
    return vcf_text(rows, [], contigs=CONTIGS, header=tuple(header))


GENOME = vcf_text(
    [
        "chr1 169549811 rs6025 C T . PASS . GT 0/1 0/0",
        "chr6 26092913 rs1800562 G A . PASS . GT 1/1 0/1",
        "chr13 32340300 . GT G . PASS . GT 0/1 0/0",
        "chr13 32340400 . A C . PASS . GT 0/1 0/1",
        "chr19 44908684 rs429358 T C . PASS . GT 0/1 ./.",
        "chr19 44908822 rs7412 C T . PASS . GT 0/0 0/0",
    ],
    ["a", "b"],
    contigs=CONTIGS,
)
GOOD = "CLNREVSTAT=reviewed_by_expert_panel"
CLINVAR = clinvar(
    [
        f"6 26092913 9 G A . . CLNSIG=Pathogenic;{GOOD};GENEINFO=HFE:3077;CLNDN=Hemochromatosis",
        f"13 32340300 1 GT G . . CLNSIG=Pathogenic;{GOOD};GENEINFO=BRCA2:675",
        f"13 32340400 2 A C . . CLNSIG=Conflicting_classifications_of_pathogenicity;{GOOD};GENEINFO=BRCA2:675",
        "1 169549811 642 C T . . CLNSIG=Pathogenic;CLNREVSTAT=no_assertion_criteria_provided;GENEINFO=F5:2153",
    ]
)
SCORE = (
    "#pgs_id=T\n#genome_build=GRCh38\n"
    "chr_name\tchr_position\teffect_allele\tother_allele\teffect_weight\n6\t26092913\tA\tG\t2\n"
)


def results(settings: Settings) -> dict[str, pa.Table]:
    derive(settings)
    return {table.name: derived.read(settings, table) for table in DERIVED}


def test_findings_markers_and_scores_of_landed_files(settings: Settings) -> None:
    land(settings, {"a.vcf": GENOME, "clinvar.vcf": CLINVAR, "t.txt": SCORE})
    found = results(settings)
    columns = ["sample", "gene", "zygosity", "status"]
    assert [tuple(row.values()) for row in found["genome_finding"].select(columns).to_pylist()] == [
        ("a", "BRCA2", "heterozygous", "reportable"),
        ("a", "HFE", "homozygous", "reportable"),
        ("b", "HFE", "heterozygous", "carrier"),
    ]
    markers = {
        (row["sample"], row["marker"]): (row["value"], row["status"]) for row in found["genome_marker"].to_pylist()
    }
    assert markers["a", "apoe"] == ("e3/e4", "called")
    assert markers["b", "apoe"] == (None, "not_assessed")
    assert markers["a", "f5_leiden"] == ("heterozygous", "called")
    assert markers["b", "f5_leiden"] == ("absent", "called")
    assert markers["a", "f2_g20210a"] == (None, "not_assessed")
    assert {row["sample"]: row["sum"] for row in found["genome_score"].to_pylist()} == {"a": 4, "b": 2}


X_CONTIGS = {"chr1": 248956422, "chr2": 242193529, "chr7": 159345973, "chrX": 156040895}
RULE_RELEASE = "".join(
    f"{chrom}\t{pos}\t{pos}\tC\tT\t.\t.\tCLNSIG=Pathogenic;{GOOD};GENEINFO={gene}:1{consequence}\n"
    for chrom, pos, gene, consequence in (
        ("1", 100, "MUTYH", ""), ("1", 200, "MUTYH", ""),
        ("2", 100, "TTN", ";MC=SO:0001587|nonsense"), ("2", 200, "TTN", ";MC=SO:0001583|missense_variant"),
        ("2", 300, "TTN", ""), ("7", 100, "CFTR", ""), ("X", 3000000, "ABCD1", ""), ("X", 4000000, "GLA", ""),
    )
)  # fmt: skip


@pytest.mark.parametrize(
    ("calls", "expected"),
    [
        # recessive: one copy carries, two copies or two variants in trans are reportable; the strand must be known
        ({"1:100": "0/1"}, {"MUTYH": {"carrier"}}),
        ({"1:100": "1/1"}, {"MUTYH": {"reportable"}}),
        ({"1:100": "0/1", "1:200": "0/1"}, {"MUTYH": {"reportable_if_in_trans"}}),
        ({"1:100": "0|1", "1:200": "1|0"}, {"MUTYH": {"reportable"}}),
        ({"1:100": "0|1", "1:200": "0|1"}, {"MUTYH": {"carrier"}}),
        ({"1:100": "0|1", "1:200": "0/1"}, {"MUTYH": {"reportable_if_in_trans"}}),
        # TTN: truncating only, and only if ClinVar says what the variant does
        ({"2:100": "0/1"}, {"TTN": {"reportable"}}),
        ({"2:200": "0/1"}, {"TTN": {"not_reportable"}}),
        ({"2:300": "0/1"}, {"TTN": {"needs_review"}}),
        # X: ABCD1 needs all copies, GLA one
        ({"X:3000000": "0/1"}, {"ABCD1": {"carrier"}}),
        ({"X:3000000": "1"}, {"ABCD1": {"reportable"}}),
        ({"X:4000000": "0/1"}, {"GLA": {"reportable"}}),
        ({"7:100": "0/1"}, {"CFTR": {"not_on_list"}}),
        ({"1:100": "./1"}, {"MUTYH": {"low_quality"}}),
    ],
)  # fmt: skip
def test_rules_of_the_list(calls: dict[str, str], expected: dict[str, set[str]], tmp_path: Path) -> None:
    # ACMG SF v3.3
    release, vcf = tmp_path / "clinvar.vcf", tmp_path / "a.vcf"
    release.write_text(clinvar([]) + RULE_RELEASE)
    lines = [f"chr{at.replace(':', ' ')} . C T . PASS . GT {call}" for at, call in calls.items()]
    vcf.write_text(vcf_text(lines, ["a"], contigs=X_CONTIGS))
    found: dict[str, set[str]] = {}
    for row in find_vcf(vcf, release).to_pylist():
        found.setdefault(row["gene"], set()).add(row["status"])
    assert found == expected


def test_both_sides_are_trimmed_before_they_are_joined(tmp_path: Path) -> None:
    release, vcf = tmp_path / "clinvar.vcf", tmp_path / "a.vcf"
    release.write_text(clinvar([f"1 996 9 GGGGA GGA . . CLNSIG=Likely_pathogenic;{GOOD};GENEINFO=BRCA2:675"]))
    vcf.write_text(vcf_text(["chr1 996 . GGG G,GGGG . PASS . GT 1/2"], ["a"], contigs=X_CONTIGS))
    (row,) = find_vcf(vcf, release).to_pylist()
    assert (row["gene"], row["pos"], row["ref"], row["alt"], row["zygosity"]) == (
        "BRCA2",
        996,
        "GGG",
        "G",
        "heterozygous",
    )


def test_a_new_release_changes_findings_without_any_vcf(settings: Settings) -> None:
    land(settings, {"a.vcf": GENOME, "clinvar.vcf": CLINVAR})
    before = {(row["sample"], row["gene"]): row["status"] for row in results(settings)["genome_finding"].to_pylist()}
    assert before["a", "BRCA2"] == "reportable"
    # the genomes are gone: only what is in the lake is left
    (settings.landing / "genome" / "a.vcf").unlink()
    newer = CLINVAR.replace("\t1\tGT\tG\t.\t.\tCLNSIG=Pathogenic", "\t1\tGT\tG\t.\t.\tCLNSIG=Benign")
    newer += f"19\t44908684\t77\tT\tC\t.\t.\tCLNSIG=Pathogenic;{GOOD};GENEINFO=LDLR:3949\n"
    land(settings, {"clinvar_newer.vcf": newer})
    after = {(row["sample"], row["gene"]): row["status"] for row in results(settings)["genome_finding"].to_pylist()}
    assert after == {("a", "HFE"): "reportable", ("b", "HFE"): "carrier", ("a", "LDLR"): "reportable"}


def test_the_order_of_landing_changes_nothing(settings: Settings, tmp_path: Path) -> None:
    other = Settings(home=tmp_path / "other", threads=2)
    land(settings, {"a.vcf": GENOME, "clinvar.vcf": CLINVAR, "t.txt": SCORE})
    land(other, {"t.txt": SCORE, "clinvar.vcf": CLINVAR, "a.vcf": GENOME})
    one, two = results(settings), results(other)
    for name in one:
        assert one[name].equals(two[name]), name


def test_an_empty_platform_has_empty_results(settings: Settings) -> None:
    assert set(derive(settings).values()) == {0}


def test_scores_of_a_gvcf_use_reference_stretches_at_sites_other_files_know(settings: Settings) -> None:
    gvcf = vcf_text(
        ["chr6 26092900 . C <NON_REF> . . END=26093000 GT:DP:GQ 0/0:40:99"],
        ["c"], contigs=CONTIGS, header=('##ALT=<ID=NON_REF,Description="any">',),
    )  # fmt: skip
    land(settings, {"a.vcf": GENOME, "c.g.vcf": gvcf, "t.txt": SCORE})
    row = next(row for row in results(settings)["genome_score"].to_pylist() if row["sample"] == "c")
    assert (row["sum"], row["n_matched"], row["n_not_assessed"], row["status"]) == (0, 1, 0, "ok")
    markers = {
        row["marker"]: row["value"] for row in results(settings)["genome_marker"].to_pylist() if row["sample"] == "c"
    }
    assert markers["hfe_c282y"] == "absent"
