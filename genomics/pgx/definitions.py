"""Definitions of named alleles: this project's own compact table, one YAML file per gene.

They hold facts (positions, bases, functions) from PharmVar and CPIC (CC0), cited and versioned in each file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from genomics.builds import GRCH37, GRCH38
from genomics.panel import PanelSite
from lake.files import read_yaml

DEFINITIONS_DIR = Path(__file__).parent / "definitions"

IUPAC = {
    "R": "AG", "Y": "CT", "S": "CG", "W": "AT", "K": "GT", "M": "AC", "B": "CGT", "D": "AGT", "H": "ACT", "V": "ACG",
}  # fmt: skip


@dataclass(frozen=True)
class Site:
    """A position of a gene: its rs number, and per build where it is, the reference and the other alleles."""

    rsid: str
    places: dict[str, tuple[int, str, tuple[str, ...]]]

    def variants(self, build: str) -> dict[str, tuple[int, str, str]]:
        """Allele as written in the definition to the trimmed variant (pos, ref, alt) that carries it."""
        pos, ref, alts = self.places[build]
        return {alt: trimmed(pos, ref, alt) for alt in alts}


@dataclass(frozen=True)
class Allele:
    """A named allele: the bases at the sites it defines, its function word and its activity value."""

    name: str
    function: str
    activity: float | None
    bases: dict[str, str]


@dataclass(frozen=True)
class Definition:
    """All that is known of a gene. ``alleles[0]`` is the default and says what holds where others are silent.

    Attributes:
        mode: ``star`` names whole haplotypes; ``lowest_activity`` lists variants and takes the two lowest (DPYD);
            ``strands`` names every variant of a strand (DPYD and RYR1 of downloaded definitions).
        phenotype_by: ``function`` looks pairs of functions up, ``activity`` a range of the summed activity,
            ``diplotype`` the diplotype itself.
        phenotypes: (function, function, phenotype) or (least, most, phenotype).
        undocumented_is_reference: a base that the definition does not know counts as the reference, else nothing is
            called.
        required: sites without which nothing is called.
        choices: of diplotypes that unphased data cannot tell apart, the one to report.
        diplotypes: phenotype and activity score by the sorted names of a diplotype (``phenotype_by`` is ``diplotype``).
        not_definitive: why small variants alone must not be taken as the answer, if so.
    """

    gene: str
    chrom: str
    version: str
    source: str
    mode: str
    phenotype_by: str
    sites: tuple[Site, ...]
    alleles: tuple[Allele, ...]
    phenotypes: tuple[tuple[str | float, str | float, str], ...]
    undocumented_is_reference: bool = False
    required: frozenset[str] = frozenset()
    choices: tuple[tuple[frozenset[str], str], ...] = ()
    diplotypes: Mapping[tuple[str, ...], tuple[str, float | None]] = field(default_factory=dict, hash=False)
    not_definitive: str | None = None

    def panel_sites(self, build: str) -> list[PanelSite]:
        """The gene's variants, trimmed; none on a build that the definition does not place."""
        return [
            PanelSite(self.chrom, *variant, site.rsid)
            for site in self.sites
            if build in site.places
            for variant in site.variants(build).values()
        ]


def trimmed(pos: int, ref: str, alt: str) -> tuple[int, str, str]:
    """Trim shared bases at the end, then at the start, as ``normalise.trim`` does for columns."""
    while min(len(ref), len(alt)) > 1 and ref[-1] == alt[-1]:
        ref, alt = ref[:-1], alt[:-1]
    while min(len(ref), len(alt)) > 1 and ref[0] == alt[0]:
        pos, ref, alt = pos + 1, ref[1:], alt[1:]
    return pos, ref, alt


@cache
def load_definitions(folder: Path = DEFINITIONS_DIR) -> tuple[Definition, ...]:
    """Load and check all definitions of a folder, by gene name.

    Raises:
        ValueError: a definition contradicts itself; names the file and the fault.
    """
    return tuple(_load(path) for path in sorted(folder.glob("*.yaml")) if path.name != "recommendations.yaml")


def _load(path: Path) -> Definition:
    raw = read_yaml(path)
    sites = tuple(
        Site(rsid, {build: (place[0], place[1], tuple(place[2])) for build, place in places.items()})
        for rsid, places in raw["sites"].items()
    )
    alleles = tuple(
        Allele(name, one["function"], one.get("activity"), one.get("bases", {})) for name, one in raw["alleles"].items()
    )
    definition = Definition(
        raw["gene"], raw["chrom"], raw["version"], raw["source"], raw["mode"], raw["phenotype_by"], sites, alleles,
        tuple(tuple(row) for row in raw["phenotypes"]), not_definitive=raw.get("not_definitive"),
    )  # fmt: skip
    _check(path, definition)
    return definition


def _check(path: Path, definition: Definition) -> None:
    known = {
        site.rsid: {base for place in site.places.values() for base in (place[1], *place[2])}
        for site in definition.sites
    }
    for site in definition.sites:
        if set(site.places) != {GRCH37, GRCH38}:
            raise ValueError(f"{path.name}: {site.rsid} must be placed on {GRCH37} and {GRCH38}")
    for allele in definition.alleles:
        for rsid, base in allele.bases.items():
            if rsid not in known or not set(IUPAC.get(base, [base])) <= known[rsid]:
                raise ValueError(f"{path.name}: {allele.name} names a base at {rsid} that the site does not have")
        if definition.phenotype_by == "activity" and allele.activity is None:
            raise ValueError(f"{path.name}: {allele.name} has no activity value")
