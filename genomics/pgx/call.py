"""Diplotypes and recommendations for every sample of every file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from genomics.builds import GRCH37, GRCH38
from genomics.panel import PanelSite
from genomics.pgx.definition_files import load_definition_files
from genomics.pgx.definitions import DEFINITIONS_DIR, Definition, Site, load_definitions
from genomics.pgx.matcher import HAPLOID, Diplotype, SiteCall, match
from genomics.pgx.outside import SEPARATOR, OutsideCall, as_diplotype, read_outside_calls
from genomics.planner import read_panel
from genomics.scan import delivered
from genomics.site_calls import site_calls
from genomics.tables import GENOME_DIPLOTYPE, GENOME_RECOMMENDATION, GENOME_SAMPLE
from lake.files import read_yaml
from lake.quarantine import BadFile
from lake.settings import Settings


@dataclass(frozen=True)
class Recommendation:
    """What a guideline says about one gene's phenotype and one drug.

    ``outside_only``: it must not rest on what a VCF shows of the gene.
    """

    drug: str
    rxnorm: str
    gene: str
    phenotype: str
    text: str
    strength: str
    citation: str
    version: str
    outside_only: bool


@cache
def load_recommendations(path: Path = DEFINITIONS_DIR / "recommendations.yaml") -> tuple[Recommendation, ...]:
    """Load the guideline rows."""
    return tuple(
        Recommendation(
            one["drug"],
            one["rxnorm"],
            one["gene"],
            phenotype,
            row["text"],
            row["strength"],
            one["citation"],
            one["version"],
            one.get("outside_only", False),
        )
        for one in read_yaml(path)
        for phenotype, row in one["phenotypes"].items()
    )


def call_diplotypes(
    con: duckdb.DuckDBPyConnection,
    definitions: tuple[Definition, ...] | None = None,
    outside: Sequence[OutsideCall] = (),
) -> tuple[pa.Table, pa.Table]:
    """Call all genes for all samples.

    Args:
        con: has the raw tables genome_sample, genome_variant, genome_genotype.
        definitions: by default this project's own.
        outside: calls made elsewhere, which hold for every sample here.

    Returns:
        Rows of ``genome_diplotype`` and of ``genome_recommendation``.
    """
    definitions = load_definitions() if definitions is None else definitions
    samples = con.execute("select distinct source, sample, file_id, build from genome_sample order by all").fetchall()
    calls = genotypes_at_sites(con, definitions)
    elsewhere = {one.gene: as_diplotype(one, {one.gene: one for one in definitions}) for one in outside}
    known: dict[tuple[str, frozenset[tuple[str, SiteCall]]], Diplotype] = {}
    best: dict[tuple[str, str, str], tuple[int, Diplotype]] = {}
    for source, sample, file_id, build in samples:
        mine = calls.get((source, sample, file_id), {})
        for gene, found in elsewhere.items():
            best[source, sample, gene] = (0, found)
        for definition in definitions:
            # a typed HLA gene needs no tags
            if definition.gene.split("*")[0] in elsewhere:
                continue
            # people share genotypes: a gene is matched once per pattern
            pattern = {site.rsid: mine[site.rsid] for site in definition.sites if site.rsid in mine}
            key = (definition.gene, frozenset(pattern.items()))
            if key not in known:
                known[key] = match(definition, pattern)
            # of several files of one sample the one that assesses most of the gene speaks
            place = (source, sample, definition.gene)
            if place not in best or len(pattern) > best[place][0]:
                best[place] = (len(pattern), _judged(definition, known[key], build))
    versions = {one.gene: one.version for one in definitions} | dict.fromkeys(elsewhere, "outside call")
    return _rows(best, versions)


def call_vcf(
    vcf: Path,
    settings: Settings | None = None,
    *,
    definitions: Path | None = None,
    outside: Path | None = None,
) -> tuple[pa.Table, pa.Table]:
    """Call the pharmacogenes of one VCF, without a platform around it. An indexed file is read at the genes only.

    Args:
        vcf: the file.
        settings: limits.
        definitions: folder of allele definitions (CPIC and PharmCAT JSON, or YAML); by default this project's own.
        outside: file of calls made elsewhere; the VCF must then have one sample.

    Raises:
        BadFile: one of the files is not usable.
    """
    from lake.warehouse import memory

    loaded = load_definitions() if definitions is None else load_definition_files(definitions)
    calls = read_outside_calls(outside) if outside is not None else []
    tables = read_panel(vcf, {build: panel_of(loaded, build) for build in (GRCH37, GRCH38)}, settings)
    if calls and tables[GENOME_SAMPLE.name].num_rows != 1:
        raise BadFile("several_samples", "outside calls belong to one person, the VCF has several samples; split it")
    con = memory(settings or Settings())
    try:
        for name, rows in tables.items():
            con.register(name, delivered(rows, "file"))
        return call_diplotypes(con, loaded, calls)
    finally:
        con.close()


def panel_of(definitions: tuple[Definition, ...], build: str) -> tuple[PanelSite, ...]:
    """All variants of the definitions, by place."""
    sites = {site for one in definitions for site in one.panel_sites(build)}
    return tuple(sorted(sites, key=lambda site: (site.chrom, site.pos, site.ref, site.alt)))


Calls = dict[tuple[str, str, str], dict[str, SiteCall]]
"""Per source, sample and file: the genotype by rs number."""


def genotypes_at_sites(con: duckdb.DuckDBPyConnection, definitions: tuple[Definition, ...]) -> Calls:
    """Look up the sites of definitions in all files that the connection knows."""
    sites = {
        build: [
            (PanelSite(one.chrom, *variant, site.rsid), spelling)
            for one in definitions
            for site in one.sites
            if build in site.places
            for spelling, variant in site.variants(build).items()
        ]
        for build in (GRCH37, GRCH38)
    }
    by_rsid = {site.rsid: (one, site) for one in definitions for site in one.sites}
    calls: Calls = {}
    for row in site_calls(con, sites).to_pylist():
        if (call := _site_call(row, *by_rsid[row["rsid"]])) is not None:
            calls.setdefault((row["source"], row["sample"], row["file_id"]), {})[row["rsid"]] = call
    return calls


def _site_call(row: dict[str, Any], definition: Definition, site: Site) -> SiteCall | None:
    """The genotype at a site; None when it is not complete, and for a single allele where two are expected."""
    reference = site.places[row["build"]][1]
    phase = str(row["phase_set"] or "chromosome") if row["is_phased"] else None
    first, second = row["first"] or reference, row["second"] or reference
    if row["is_half"] and definition.mode == "strands":
        return SiteCall(None if row["first_missing"] else first, None if row["second_missing"] else second, phase)
    if not row["is_assessed"]:
        return None
    if row["is_haploid"]:
        return SiteCall(first, HAPLOID) if definition.chrom == "X" else None
    return SiteCall(first, second, phase)


def _judged(definition: Definition, found: Diplotype, build: str) -> Diplotype:
    if definition.not_definitive and found.best:
        return replace(found, status="not_definitive", reason=definition.not_definitive)
    if found.status == "not_assessed" and definition.sites and build not in definition.sites[0].places:
        return replace(found, reason=f"the definition has no positions on {build}")
    return found


def _rows(
    best: dict[tuple[str, str, str], tuple[int, Diplotype]], versions: dict[str, str]
) -> tuple[pa.Table, pa.Table]:
    diplotypes: list[dict[str, Any]] = []
    recommendations: list[dict[str, Any]] = []
    by_phenotype: dict[tuple[str, str], list[Recommendation]] = {}
    for one in load_recommendations():
        by_phenotype.setdefault((one.gene, one.phenotype), []).append(one)
    for (source, sample, gene), (_, found) in sorted(best.items()):
        diplotypes.append(
            {
                "source": source,
                "sample": sample,
                "gene": gene,
                "diplotype": found.best[0] if found.best else None,
                "alternatives": "; ".join(found.best[1:]) or None,
                "activity_score": found.activity_score,
                "phenotype": found.phenotype,
                "status": found.status,
                "missing_positions": ", ".join(found.missing) or None,
                "definition_version": versions[gene],
                "reason": found.reason,
            }
        )
        recommendations.extend(
            {
                "source": source, "sample": sample, "gene": gene, "drug": one.drug, "rxnorm": one.rxnorm,
                "phenotype": one.phenotype, "recommendation": one.text, "strength": one.strength,
                "citation": one.citation, "guideline_version": one.version,
            }
            for stated in (found.phenotype or "").split(SEPARATOR)
            for one in by_phenotype.get((gene, stated), [])
            if not (one.outside_only and found.status == "not_definitive")
        )  # fmt: skip
    return (
        pa.Table.from_pylist(diplotypes, GENOME_DIPLOTYPE.schema),
        pa.Table.from_pylist(recommendations, GENOME_RECOMMENDATION.schema),
    )
