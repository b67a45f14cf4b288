"""Every entry of the own pharmacogene table against the definitions of PharmCAT and CPIC, and the tables of pypgx."""

from __future__ import annotations

import csv
import json
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Any

import pytest

from genomics.builds import GRCH37, GRCH38
from genomics.pgx.call import load_recommendations
from genomics.pgx.definitions import IUPAC, Definition, load_definitions
from genomics.pgx.matcher import activity_score, phenotype
from genomics.pgx.outside import HLA_ALLELES

GENES = {definition.gene: definition for definition in load_definitions()}
OFFICIAL = sorted(gene for gene in GENES if not gene.startswith("HLA"))
"""HLA tags have no official definition: where they stand is cited in their files."""

NAMES = {
    "c.421C": "rs2231142 reference (G)", "c.421A": "rs2231142 variant (T)",
    "-1639G": "rs9923231 reference (C)", "-1639A": "rs9923231 variant (T)",
    "rs12979860 C": "rs12979860 reference (C)", "rs12979860 T": "rs12979860 variant (T)",
    "c.1129-5923C>G (HapB3)": "c.1129-5923C>G, c.1236G>A (HapB3)",
}  # fmt: skip
"""Our name to the official one, where they differ."""

FUNCTIONS = {
    "none": "No function", "favorable": "Favorable response allele", "unfavorable": "Unfavorable response allele",
    "normal": "Normal function", "decreased": "Decreased function", "increased": "Increased function",
    "uncertain": "Uncertain function", "unknown": "Unknown function",
}  # fmt: skip
VKORC1_FUNCTIONS = {"normal": "Normal coumarin sensitivity", "sensitive": "Higher coumarin sensitivity"}
G6PD_CLASSES = {
    "Class I (Deficient with CNSHA)": "deficient_cnsha", "Class II (Deficient)": "deficient",
    "Class III (Deficient)": "deficient", "Class IV (Normal)": "normal",
}  # fmt: skip

NEWER_THAN_PYPGX = {("CYP2D6", "*9"), ("CYP2D6", "*41")}
"""CPIC lowered the activity of these from 0.5 to 0.25 in March 2023; pypgx has the earlier value."""


@pytest.fixture(scope="module")
def pharmcat(shared_data: Path) -> Path:
    return shared_data / "genomics/pharmcat"


@pytest.fixture(scope="module")
def pypgx(shared_data: Path) -> dict[str, list[dict[str, str]]]:
    found = {}
    for name in ("variant", "allele", "diplotype", "cpic"):
        with (shared_data / f"genomics/pypgx_tables/{name}-table.csv").open() as file:
            found[name] = list(csv.DictReader(file))
    return found


def official_of(pharmcat: Path, gene: str) -> dict[str, Any]:
    return json.loads((pharmcat / f"definition/alleles/{gene}_translation.json").read_text())  # type: ignore[no-any-return]


@pytest.mark.parametrize("gene", OFFICIAL)
def test_positions_and_bases(gene: str, pharmcat: Path) -> None:
    official, definition = official_of(pharmcat, gene), GENES[gene]
    places = {one["rsid"]: (one["position"], one["ref"], set(one["alts"])) for one in official["variants"]}
    assert official["chromosome"] == f"chr{definition.chrom}"
    for site in definition.sites:
        pos, ref, alts = site.places[GRCH38]
        assert places[site.rsid][:2] == (pos, ref)
        assert set(alts) <= places[site.rsid][2]
    by_name = {allele["name"]: allele for allele in official["namedAlleles"]}
    default, sites = definition.alleles[0], {site.rsid for site in definition.sites}
    for allele in definition.alleles[1:]:
        if not allele.bases:
            assert by_name.get(allele.name, {"structuralVariant": True})["structuralVariant"]
            continue
        told = zip(official["variants"], by_name[NAMES.get(allele.name, allele.name)]["alleles"], strict=True)
        expected = {one["rsid"]: base for one, base in told if base is not None and one["rsid"] in sites}
        inherited = {rsid: base for rsid, base in expected.items() if default.bases.get(rsid) != base}
        # an official ambiguity may name bases whose site this table does not tell apart
        known = {site.rsid: {site.places[GRCH38][1], *site.places[GRCH38][2]} for site in definition.sites}
        for rsid, base in allele.bases.items():
            assert set(IUPAC.get(base, [base])) <= known[rsid]
        assert allele.bases == inherited or (gene, allele.name) == ("CYP2C19", "*38"), allele.name


def test_both_builds_say_the_same_place(pypgx: dict[str, list[dict[str, str]]]) -> None:
    listed: dict[str, list[dict[str, str]]] = {}
    for row in pypgx["variant"]:
        listed.setdefault(row["rsID"], []).append(row)
    compared = 0
    for definition in GENES.values():
        for site in definition.sites:
            rows = [row for row in listed.get(site.rsid, []) if row["Chromosome"] == definition.chrom]
            for row in rows:
                if len(row["GRCh38Allele"]) != len(site.places[GRCH38][1]):
                    continue  # a repeat, written from another base
                for build in (GRCH37, GRCH38):
                    assert site.places[build][:2] == (int(row[f"{build}Position"]), row[f"{build}Allele"]), site.rsid
                compared += 1
    assert compared >= 75


@pytest.mark.parametrize("gene", [gene for gene in OFFICIAL if gene not in ("CYP2D6", "CYP4F2", "G6PD")])
def test_functions_activity_values_and_phenotypes_of_all_diplotypes(gene: str, pharmcat: Path) -> None:
    official, definition = json.loads((pharmcat / f"phenotype/{gene}.json").read_text()), GENES[gene]
    alleles = {one["name"]: one for one in official["namedAlleles"]}
    words = VKORC1_FUNCTIONS if gene == "VKORC1" else FUNCTIONS
    for allele in definition.alleles:
        told = alleles[NAMES.get(allele.name, allele.name)]
        assert words[allele.function] == told["functionValue"], allele.name
        assert allele.activity == number(told.get("activityValue")), allele.name
    diplotypes = {
        tuple(sorted(name for name, count in row["diplotypekey"].items() for _ in range(count))): row
        for row in official["diplotypes"]
    }
    if gene == "IFNL3":  # PharmCAT has functions only; the guideline: Muir 2014 (PMID 24096968)
        return
    for pair in combinations_with_replacement(definition.alleles, 2):
        row = diplotypes[tuple(sorted(NAMES.get(one.name, one.name) for one in pair))]
        assert phenotype(definition, pair) == (row["generesult"] or row["phenotype"]), pair
        if definition.phenotype_by == "activity":
            assert activity_score(definition, pair) == number(row["activityScore"])


def number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None


@pytest.mark.parametrize("gene", ["CYP2D6", "G6PD"])
def test_functions_of_genes_whose_phenotypes_are_not_shared(gene: str, pypgx: dict[str, list[dict[str, str]]]) -> None:
    definition = GENES[gene]
    told = {row["StarAllele"]: row for row in pypgx["allele"] if row["Gene"] == gene}
    for allele in definition.alleles:
        row = told[allele.name]
        if gene == "G6PD":
            assert G6PD_CLASSES[row["Function"]] == allele.function
            continue
        assert FUNCTIONS[allele.function].lower() == row["Function"].lower()
        if (gene, allele.name) not in NEWER_THAN_PYPGX:
            assert allele.activity == float(row["ActivityScore"])


def test_cyp4f2_is_read_at_the_site_that_the_warfarin_guideline_names() -> None:
    # Johnson 2017 (PMID 28198005): the dose is raised for carriers of rs2108622 T, whatever else the haplotype has
    definition = GENES["CYP4F2"]
    for pair in combinations_with_replacement(definition.alleles, 2):
        copies = sum(one.bases.get("rs2108622") == "T" for one in pair)
        assert phenotype(definition, pair) == f"rs2108622 {'CT'[copies > 1] if copies != 1 else 'C'}{'CT'[copies > 0]}"


def test_ifnl3_phenotypes(pypgx: dict[str, list[dict[str, str]]]) -> None:
    ours = {"Reference", "rs12979860"}
    rows = [row for row in pypgx["diplotype"] if row["Gene"] == "IFNL3" and set(row["Diplotype"].split("/")) <= ours]
    told = [row["Phenotype"] for row in rows]
    pairs = combinations_with_replacement(GENES["IFNL3"].alleles, 2)
    assert [phenotype(GENES["IFNL3"], pair) for pair in pairs] == told


def test_g6pd_phenotypes_of_one_and_two_alleles(pypgx: dict[str, list[dict[str, str]]]) -> None:
    told = {
        row["Diplotype"]: row["Phenotype"].removeprefix("G6PD ") for row in pypgx["diplotype"] if row["Gene"] == "G6PD"
    }
    definition = GENES["G6PD"]
    for one in definition.alleles:
        assert phenotype(definition, (one,)) == told[f"{one.name}/MALE"]
    for first, second in combinations_with_replacement(definition.alleles, 2):
        expected = told.get(f"{first.name}/{second.name}") or told[f"{second.name}/{first.name}"]
        assert phenotype(definition, (first, second)) == expected, (first.name, second.name)


@pytest.mark.parametrize(
    ("score", "expected"),
    [(0, "Poor"), (0.25, "Intermediate"), (1, "Intermediate"), (1.25, "Normal"), (2.25, "Normal"), (2.5, "Ultrarapid")],
)
def test_cyp2d6_ranges_are_those_of_the_consensus(score: float, expected: str) -> None:
    # Caudle 2020, Clin Transl Sci (PMID 31647186)
    ranges = [(float(low), float(high), name) for low, high, name in GENES["CYP2D6"].phenotypes]
    assert [name for low, high, name in ranges if low <= score <= high] == [f"{expected} Metabolizer"]


def test_recommendations_are_of_phenotypes_pairs_and_drugs_that_exist(pypgx: dict[str, list[dict[str, str]]]) -> None:
    pairs = {(row["Gene"], row["Drug"]): row for row in pypgx["cpic"]}
    for one in load_recommendations():
        gene: Definition | None = GENES.get(one.gene)
        if gene is None:
            assert one.phenotype.split(" ")[0] in HLA_ALLELES[one.gene]
        else:
            assert one.phenotype in {name for _, _, name in gene.phenotypes}, (one.drug, one.gene)
        row = pairs[one.gene.split("*")[0], one.drug]
        assert one.rxnorm == row["RxNorm"], one.drug
        assert one.strength in ("strong", "moderate", "optional")
        assert one.citation.split("PMID ")[1] in row["PMID"].split(";"), (one.drug, one.gene, one.citation, row["PMID"])
