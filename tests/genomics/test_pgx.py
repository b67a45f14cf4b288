"""Pharmacogenes: the matcher's rules, and the own table against the definitions that PharmCAT ships."""

from __future__ import annotations

import json
from pathlib import Path

import pysam
import pytest
from typer.testing import CliRunner

from genomics.builds import GRCH37, GRCH38
from genomics.pgx.call import call_vcf, panel_of
from genomics.pgx.definitions import Definition, load_definitions
from genomics.pgx.matcher import HAPLOID, SiteCall, match
from genomics.planner import read_panel
from lake.quarantine import BadFile
from orchestration.cli import app
from tests.genomics.vcf_text import write_vcf

GENES = {definition.gene: definition for definition in load_definitions()}


def calls(definition: Definition, **changed: tuple[str, str] | tuple[str, str, str] | None) -> dict[str, SiteCall]:
    """All sites homozygous for the default allele, but for those named; None leaves a site out."""
    default = definition.alleles[0].bases
    result = {site.rsid: SiteCall(*2 * (default.get(site.rsid, site.places[GRCH38][1]),)) for site in definition.sites}
    for rsid, call in changed.items():
        del result[rsid]
        if call is not None:
            result[rsid] = SiteCall(*call)
    return result


@pytest.mark.parametrize(
    ("gene", "changed", "expected", "phenotype"),
    [
        ("CYP2C19", {}, {"*1/*1"}, "Normal Metabolizer"),
        ("CYP2C19", {"rs12248560": ("C", "T"), "rs28399504": ("A", "G")}, {"*1/*4"}, "Intermediate Metabolizer"),
        ("CYP2C19", {"rs12769205": ("A", "G"), "rs4244285": ("G", "A")}, {"*1/*2"}, "Intermediate Metabolizer"),
        ("CYP2C19", {"rs12248560": ("T", "T")}, {"*17/*17"}, "Ultrarapid Metabolizer"),
        ("CYP2C19", {"rs12248560": ("T", "T"), "rs28399504": None}, {"*4/*4", "*4/*17", "*17/*17"}, "Indeterminate"),
        ("CYP2C19", {"rs12769205": ("A", "G"), "rs4244285": ("A", "A")}, set(), None),
        ("TPMT", {"rs1142345": ("T", "C"), "rs1800460": ("C", "T")}, {"*1/*3A"}, "Intermediate Metabolizer"),
        ("TPMT", {"rs1142345": ("T", "C", "1"), "rs1800460": ("T", "C", "1")}, {"*3B/*3C"}, "Poor Metabolizer"),
        ("SLCO1B1", {"rs4149056": ("T", "C")}, {"*1/*5"}, "Decreased Function"),
        ("CYP3A5", {"rs776746": ("C", "C")}, {"*3/*3"}, "Poor Metabolizer"),
        ("CYP2C9", {"rs1799853": ("C", "T"), "rs1057910": ("A", "C")}, {"*2/*3"}, "Poor Metabolizer"),
        ("DPYD", {"rs3918290": ("C", "T")}, {"Reference/c.1905+1G>A (*2A)"}, "Intermediate Metabolizer"),
        (
            "DPYD", {"rs3918290": ("C", "T"), "rs67376798": ("T", "A")},
            {"c.2846A>T/c.1905+1G>A (*2A)"}, "Poor Metabolizer",
        ),
        (
            "UGT1A1", {"rs887829": ("C", "T"), "rs3064744": ("CAT", "CATATAT")},
            {"*1/*80+*37"}, "Intermediate Metabolizer",
        ),
        (
            "UGT1A1", {"rs887829": ("C", "T"), "rs3064744": None},
            {"*1/*80", "*1/*80+*28", "*1/*80+*37"}, "Indeterminate",
        ),
        ("CYP2D6", {"rs1135840": ("G", "G"), "rs1065852": ("A", "A")}, {"*10/*10"}, "Intermediate Metabolizer"),
        ("CYP2D6", {"rs3892097": ("T", "T"), "rs1065852": ("G", "A")}, {"*4/*4"}, "Poor Metabolizer"),
        ("G6PD", {"rs1050829": ("T", "C"), "rs1050828": ("C", "T")}, {"A- 202A_376G/B (reference)"}, "Variable"),
        ("HLA-B*57:01", {"rs2395029": ("T", "G")}, {"no tag/tag"}, "Tag carried"),
        ("VKORC1", {"rs9923231": ("T", "T")}, {"-1639A/-1639A"}, "-1639 AA"),
    ],
)  # fmt: skip
def test_named_alleles(gene: str, changed: dict, expected: set[str], phenotype: str | None) -> None:
    # PharmCAT's NamedAlleleMatcherTest and CPIC's diplotype tables
    found = match(GENES[gene], calls(GENES[gene], **changed))
    assert set(found.best) == expected
    assert found.phenotype == phenotype


def test_one_x_chromosome_has_one_g6pd() -> None:
    # CPIC 2022 (PMID 36049896): a male's phenotype is that of his only allele
    definition = GENES["G6PD"]
    reference = {site.rsid: site.places[GRCH38][1] for site in definition.sites}
    for changed, expected in (
        ({}, ("B (reference)", "Normal")),
        ({"rs5030868": "A"}, ("Mediterranean, Dallas, Panama, Sassari, Cagliari, Birmingham", "Deficient")),
        ({"rs137852316": "T"}, ("Nashville, Anaheim, Portici", "Deficient with CNSHA")),
    ):
        found = match(definition, {rsid: SiteCall(base, HAPLOID) for rsid, base in (reference | changed).items()})
        assert (*found.best, found.phenotype) == expected


def test_activity_scores() -> None:
    found = match(GENES["CYP2C9"], calls(GENES["CYP2C9"], rs1057910=("A", "C")))
    assert (found.best, found.activity_score, found.phenotype) == (("*1/*3",), 1.0, "Intermediate Metabolizer")


def test_nothing_assessed_and_unknown_bases_are_no_call() -> None:
    definition = GENES["TPMT"]
    assert match(definition, {}).status == "not_assessed"
    assert match(definition, calls(definition, rs1142345=("T", "other"))).status == "no_call"
    partial = match(definition, calls(definition, rs1800462=None))
    assert (partial.status, partial.missing) == ("partial", ("rs1800462",))


def test_a_missing_genotype_never_becomes_a_reference(tmp_path: Path) -> None:
    # PharmCAT issue 240: chr6:18130687 T>C with ./.
    records = ["chr6 18130687 rs1142345 T C . PASS . GT ./.", "chr6 18138997 rs1800460 C T . PASS . GT 0/0"]
    vcf = write_vcf(tmp_path / "a.vcf", records, ["a"], contigs={"chr6": 170805979})
    row = next(row for row in call_vcf(vcf)[0].to_pylist() if row["gene"] == "TPMT")
    assert "rs1142345" in row["missing_positions"]
    assert row["status"] == "partial"


def test_the_reference_of_grch37_carries_cyp3a5_star_3(tmp_path: Path) -> None:
    records = ["7 99270539 rs776746 C T . PASS . GT 0/0 0/1"]
    vcf = write_vcf(tmp_path / "a.vcf", records, ["a", "b"], contigs={"7": 159138663})
    rows = {row["sample"]: row["diplotype"] for row in call_vcf(vcf)[0].to_pylist() if row["gene"] == "CYP3A5"}
    assert rows == {"a": "*3/*3", "b": "*1/*3"}


def test_another_base_at_the_position_is_told(tmp_path: Path) -> None:
    vcf = write_vcf(tmp_path / "a.vcf", ["chr4 88131171 . G C . . . GT 0/1"], ["a"], contigs={"chr4": 190214555})
    row = next(row for row in call_vcf(vcf)[0].to_pylist() if row["gene"] == "ABCG2")
    assert (row["diplotype"], row["status"]) == (None, "no_call")


def test_outside_calls_stand_instead_and_say_so(tmp_path: Path) -> None:
    vcf = write_vcf(
        tmp_path / "a.vcf", ["chr10 94781859 rs4244285 G A . PASS . GT 0/0"], ["a"], contigs={"chr10": 133797422}
    )
    outside = tmp_path / "outside.tsv"
    outside.write_text("CYP2D6\t*10/*2\tIntermediate Metabolizer\t1.25\nCYP2C19\t*17/*1\n# a remark\n")
    rows = {row["gene"]: row for row in call_vcf(vcf, outside=outside)[0].to_pylist()}
    assert (rows["CYP2D6"]["diplotype"], rows["CYP2D6"]["activity_score"]) == ("*2/*10", 1.25)
    assert (rows["CYP2C19"]["diplotype"], rows["CYP2C19"]["phenotype"]) == ("*1/*17", "Rapid Metabolizer")
    assert rows["CYP2C19"]["reason"] == "outside call"
    for text in ("CYP2D6\n", "CYP2D6\t*1/*1\tx\tmuch\n", "CYP2D6\t*1/*1\nCYP2D6\t*1/*2\n"):
        outside.write_text(text)
        with pytest.raises(BadFile, match="invalid_outside_call"):
            call_vcf(vcf, outside=outside)


def outside_of(tmp_path: Path, text: str) -> tuple[dict[str, dict], dict[tuple[str, str], str]]:
    """Diplotypes by gene and guideline texts by gene and drug of a file with HLA tags, and outside calls."""
    records = ["chr6 31464003 rs2395029 T G . PASS . GT 0/1", "chr22 42128945 rs3892097 C T . PASS . GT 0/1"]
    vcf = write_vcf(tmp_path / "a.vcf", records, ["a"], contigs={"chr6": 170805979, "chr22": 50818468})
    outside = tmp_path / "outside.tsv"
    outside.write_text(text)
    diplotypes, advice = call_vcf(vcf, outside=outside)
    return (
        {row["gene"]: row for row in diplotypes.to_pylist()},
        {(row["gene"], row["drug"]): row["recommendation"] for row in advice.to_pylist()},
    )


def test_tags_and_cyp2d6_are_flagged_and_outside_calls_decide(tmp_path: Path) -> None:
    found, advice = outside_of(tmp_path, "# none\n")
    tag, cyp2d6 = found["HLA-B*57:01"], found["CYP2D6"]
    assert (tag["phenotype"], tag["status"], "not HLA typing" in tag["reason"]) == (
        "Tag carried",
        "not_definitive",
        True,
    )
    assert "Type HLA-B first" in advice["HLA-B*57:01", "abacavir"]
    assert (cyp2d6["status"], "outside call" in cyp2d6["reason"]) == ("not_definitive", True)
    assert not [key for key in advice if key[0] == "CYP2D6"]
    found, advice = outside_of(tmp_path, "HLA-B\t*07:02/*57:01:01\nCYP2D6\t*2x2/*4\nHLA-A\t*01:01/*02:01\n")
    assert found["HLA-B"]["phenotype"] == "*15:02 negative; *57:01 positive; *58:01 negative"
    assert "not recommended" in advice["HLA-B", "abacavir"]
    assert "HLA-B*57:01" not in found
    # Caudle 2020 (PMID 31647186): *2x2/*4 has an activity score of 2
    assert (found["CYP2D6"]["activity_score"], found["CYP2D6"]["phenotype"]) == (2.0, "Normal Metabolizer")
    assert advice["CYP2D6", "codeine"].startswith("Use the labelled dose")
    assert outside_of(tmp_path, "CYP2D6\t*1/*2x2\n")[0]["CYP2D6"]["phenotype"] == "Ultrarapid Metabolizer"
    assert outside_of(tmp_path, "CYP2D6\t*4/*5\n")[0]["CYP2D6"]["phenotype"] == "Poor Metabolizer"


def test_an_indexed_file_is_read_at_the_genes_only_and_says_the_same(tmp_path: Path) -> None:
    records = [f"chr10 {94000000 + 100 * number} . A C . PASS . GT 0/1" for number in range(50)]
    records += ["chr10 94781859 rs4244285 G A . PASS . GT 0/1", "chr10 94775367 rs12769205 A G . PASS . GT 0/1"]
    records.sort(key=lambda line: int(line.split()[1]))
    plain = write_vcf(tmp_path / "a.vcf", records, ["a"], contigs={"chr10": 133797422})
    packed = Path(pysam.tabix_index(str(plain), preset="vcf", force=True, keep_original=True))
    definitions = load_definitions()
    panel = {build: panel_of(definitions, build) for build in (GRCH37, GRCH38)}
    part, whole = read_panel(packed, panel), read_panel(plain, panel)
    assert (part["genome_variant"].num_rows, whole["genome_variant"].num_rows) == (2, 52)
    assert call_vcf(packed)[0].equals(call_vcf(plain)[0])
    packed.with_name("a.vcf.gz.tbi").write_bytes(b"no index")
    with pytest.raises(BadFile, match="broken_index"):
        call_vcf(packed)


def test_the_command(tmp_path: Path) -> None:
    records = ["chr7 99672916 rs776746 T C . PASS . GT 1/1"]
    vcf = write_vcf(tmp_path / "a.vcf", records, ["a"], contigs={"chr7": 159345973})
    outcome = CliRunner().invoke(app, ["pgx", "call", str(vcf), "--gene", "CYP3A5", "--json"])
    (row,) = json.loads(outcome.output)["diplotypes"]
    assert (outcome.exit_code, row["diplotype"], row["phenotype"]) == (0, "*3/*3", "Poor Metabolizer")
    assert "*3/*3" in CliRunner().invoke(app, ["pgx", "call", str(vcf)]).output
    assert CliRunner().invoke(app, ["pgx", "call", str(vcf), "--gene", "XYZ"]).exit_code == 2
    assert CliRunner().invoke(app, ["pgx", "call", str(tmp_path / "no.vcf")]).exit_code == 2
    empty = tmp_path / "empty"
    empty.mkdir()
    outcome = CliRunner().invoke(app, ["pgx", "call", str(vcf), "--definitions", str(empty)])
    assert (outcome.exit_code, "no_definitions" in outcome.output) == (1, True)
