"""Pharmacogenes: the matcher's rules, and the own table against the definitions that PharmCAT ships."""

from __future__ import annotations

import json
from pathlib import Path

import pysam
import pytest
from typer.testing import CliRunner

from genomics.builds import GRCH37, GRCH38
from genomics.pgx.call import call_vcf, load_recommendations, panel_of
from genomics.pgx.definitions import IUPAC, Definition, load_definitions
from genomics.pgx.matcher import SiteCall, match
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
        ("VKORC1", {"rs9923231": ("T", "T")}, {"-1639A/-1639A"}, "-1639 AA"),
    ],
)  # fmt: skip
def test_named_alleles(gene: str, changed: dict, expected: set[str], phenotype: str | None) -> None:
    # PharmCAT's NamedAlleleMatcherTest and CPIC's diplotype tables
    found = match(GENES[gene], calls(GENES[gene], **changed))
    assert set(found.best) == expected
    assert found.phenotype == phenotype


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


def test_every_phenotype_with_a_recommendation_exists() -> None:
    for one in load_recommendations():
        assert one.phenotype in {name for _, _, name in GENES[one.gene].phenotypes}, (one.drug, one.gene)
        assert "PMID" in one.citation


@pytest.mark.parametrize("gene", sorted(GENES))
def test_positions_and_bases_are_those_of_the_official_definitions(gene: str, shared_data: Path) -> None:
    official = json.loads((shared_data / f"genomics/pharmcat/definition/alleles/{gene}_translation.json").read_text())
    places = {
        variant["rsid"]: (variant["position"], variant["ref"], set(variant["alts"])) for variant in official["variants"]
    }
    definition = GENES[gene]
    assert official["chromosome"] == f"chr{definition.chrom}"
    for site in definition.sites:
        pos, ref, alts = site.places[GRCH38]
        assert places[site.rsid][:2] == (pos, ref)
        assert set(alts) <= places[site.rsid][2]
    by_name = {allele["name"]: allele for allele in official["namedAlleles"]}
    maps = [variant["cpicToVcfAlleleMap"] for variant in official["variants"]]
    for allele in definition.alleles:
        if allele.name not in by_name or allele is definition.alleles[0]:
            continue
        expected = {
            variant["rsid"]: maps[index].get(base, base)
            for index, (variant, base) in enumerate(
                zip(official["variants"], by_name[allele.name]["cpicAlleles"], strict=True)
            )
            if base is not None and variant["rsid"] in {site.rsid for site in definition.sites}
        }
        inherited = {rsid: base for rsid, base in expected.items() if definition.alleles[0].bases.get(rsid) != base}
        mine = {rsid: base for rsid, base in allele.bases.items() if set(IUPAC.get(base, [base]))}
        assert mine == inherited or (gene == "CYP2C19" and allele.name == "*38"), allele.name


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
