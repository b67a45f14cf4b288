"""Diplotypes and recommendations for every sample of every file."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import yaml

from genomics.builds import GRCH37, GRCH38
from genomics.panel import PanelSite
from genomics.pgx.definitions import DEFINITIONS_DIR, Definition, Site, load_definitions
from genomics.pgx.matcher import Diplotype, SiteCall, match
from genomics.scan import delivered, read_tables
from genomics.site_calls import site_calls
from genomics.tables import GENOME_DIPLOTYPE, GENOME_RECOMMENDATION
from lake.settings import Settings


@dataclass(frozen=True)
class Recommendation:
    """What a guideline says about one gene's phenotype and one drug."""

    drug: str
    rxnorm: str
    gene: str
    phenotype: str
    text: str
    strength: str
    citation: str
    version: str


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
        )
        for one in yaml.safe_load(path.read_text())
        for phenotype, row in one["phenotypes"].items()
    )


def call_diplotypes(con: duckdb.DuckDBPyConnection) -> tuple[pa.Table, pa.Table]:
    """Call all genes for all samples.

    Args:
        con: has the raw tables genome_sample, genome_variant, genome_genotype.

    Returns:
        Rows of ``genome_diplotype`` and of ``genome_recommendation``.
    """
    definitions = load_definitions()
    sites = {
        build: [
            (PanelSite(one.chrom, *variant, site.rsid), spelling)
            for one in definitions
            for site in one.sites
            for spelling, variant in site.variants(build).items()
        ]
        for build in (GRCH37, GRCH38)
    }
    by_rsid = {site.rsid: site for one in definitions for site in one.sites}
    samples = con.execute("select distinct source, sample, file_id, build from genome_sample order by all").fetchall()
    calls: dict[tuple[str, str, str], dict[str, SiteCall]] = {}
    for row in site_calls(con, sites).to_pylist():
        if (call := _site_call(row, by_rsid[row["rsid"]])) is not None:
            calls.setdefault((row["source"], row["sample"], row["file_id"]), {})[row["rsid"]] = call
    known: dict[tuple[str, frozenset[tuple[str, SiteCall]]], Diplotype] = {}
    best: dict[tuple[str, str, str], tuple[int, Diplotype]] = {}
    for source, sample, file_id, _ in samples:
        mine = calls.get((source, sample, file_id), {})
        for definition in definitions:
            # people share genotypes: a gene is matched once per pattern
            pattern = {site.rsid: mine[site.rsid] for site in definition.sites if site.rsid in mine}
            key = (definition.gene, frozenset(pattern.items()))
            if key not in known:
                known[key] = match(definition, pattern)
            # of several files of one sample the one that assesses most of the gene speaks
            place = (source, sample, definition.gene)
            if place not in best or len(pattern) > best[place][0]:
                best[place] = (len(pattern), known[key])
    return _rows(best, {one.gene: one for one in definitions})


def call_vcf(vcf: Path, settings: Settings | None = None) -> tuple[pa.Table, pa.Table]:
    """Call the pharmacogenes of one VCF, without a platform around it.

    Raises:
        BadFile: the file is not usable.
    """
    from lake.warehouse import memory

    con = memory(settings or Settings())
    try:
        for name, rows in read_tables(vcf, settings).items():
            con.register(name, delivered(rows, "file"))
        return call_diplotypes(con)
    finally:
        con.close()


def _site_call(row: dict[str, Any], site: Site) -> SiteCall | None:
    """The genotype at a site; None when it is not complete, and for a single allele where two are expected."""
    if not row["is_assessed"] or row["is_haploid"]:
        return None
    reference = site.places[row["build"]][1]
    phase = str(row["phase_set"] or "chromosome") if row["is_phased"] else None
    return SiteCall(row["first"] or reference, row["second"] or reference, phase)


def _rows(
    best: dict[tuple[str, str, str], tuple[int, Diplotype]], definitions: dict[str, Definition]
) -> tuple[pa.Table, pa.Table]:
    diplotypes: list[dict[str, Any]] = []
    recommendations: list[dict[str, Any]] = []
    by_phenotype: dict[tuple[str, str | None], list[Recommendation]] = {}
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
                "definition_version": definitions[gene].version,
                "reason": found.reason,
            }
        )
        recommendations.extend(
            {
                "source": source, "sample": sample, "gene": gene, "drug": one.drug, "rxnorm": one.rxnorm,
                "phenotype": one.phenotype, "recommendation": one.text, "strength": one.strength,
                "citation": one.citation, "guideline_version": one.version,
            }
            for one in by_phenotype.get((gene, found.phenotype), [])
        )  # fmt: skip
    return (
        pa.Table.from_pylist(diplotypes, GENOME_DIPLOTYPE.schema),
        pa.Table.from_pylist(recommendations, GENOME_RECOMMENDATION.schema),
    )
