"""Markers read from one or two positions: APOE, factor V Leiden, prothrombin G20210A, HFE.

Sources: APOE Zannis 1982 and dbSNP (e2 = T,T; e3 = T,C; e4 = C,C at rs429358, rs7412 on the forward strand of both
builds; the reference genome is e3); F5 c.1601G>A (p.Arg534Gln, "Leiden"), F2 c.*97G>A ("G20210A"), HFE p.Cys282Tyr and
p.His63Asp: ClinVar and OMIM 612309, 176930, 613609.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from genomics.builds import GRCH37, GRCH38
from genomics.panel import PanelSite
from genomics.site_calls import site_calls
from genomics.tables import GENOME_MARKER

MARKER_SITES: dict[str, tuple[str, dict[str, int], str, str]] = {
    "rs429358": ("19", {GRCH37: 45411941, GRCH38: 44908684}, "T", "C"),
    "rs7412": ("19", {GRCH37: 45412079, GRCH38: 44908822}, "C", "T"),
    "rs6025": ("1", {GRCH37: 169519049, GRCH38: 169549811}, "C", "T"),
    "rs1799963": ("11", {GRCH37: 46761055, GRCH38: 46739505}, "G", "A"),
    "rs1800562": ("6", {GRCH37: 26093141, GRCH38: 26092913}, "G", "A"),
    "rs1799945": ("6", {GRCH37: 26091179, GRCH38: 26090951}, "C", "G"),
}


def marker_sites(build: str) -> list[PanelSite]:
    """The variants that markers are read from."""
    return [PanelSite(chrom, places[build], ref, alt, rsid) for rsid, (chrom, places, ref, alt) in MARKER_SITES.items()]


APOE_ALLELES = {("T", "T"): "e2", ("T", "C"): "e3", ("C", "C"): "e4", ("C", "T"): "e1"}
"""Bases at (rs429358, rs7412) of one chromosome."""

COPY_MARKERS = {
    "f5_leiden": ("rs6025", "F5 c.1601G>A"),
    "f2_g20210a": ("rs1799963", "F2 c.*97G>A"),
    "hfe_c282y": ("rs1800562", "HFE p.Cys282Tyr"),
    "hfe_h63d": ("rs1799945", "HFE p.His63Asp"),
}
ZYGOSITY = ("absent", "heterozygous", "homozygous")

Genotype = tuple[str, str, str | None]
"""Two bases, and the phase group when phased."""


def apoe(rs429358: Genotype | None, rs7412: Genotype | None) -> tuple[str | None, str, str | None]:
    """APOE genotype from its two positions: value such as ``e3/e4``, status, detail.

    An unphased double heterozygote is e2/e4 in all but a handful of people (e1 is very rare): the detail says so.
    """
    if rs429358 is None or rs7412 is None:
        return None, "not_assessed", "rs429358 and rs7412 must both be assessed"
    known = {"C", "T"}
    if not {*rs429358[:2], *rs7412[:2]} <= known:
        return None, "no_call", "a base that APOE alleles do not have"
    pairs = [(rs429358[0], rs7412[0]), (rs429358[1], rs7412[1])]
    detail = None
    both_het = rs429358[0] != rs429358[1] and rs7412[0] != rs7412[1]
    if both_het and (rs429358[2] is None or rs429358[2] != rs7412[2]):
        pairs, detail = [("T", "T"), ("C", "C")], "unphased: e2/e4 taken, e1/e3 is very rare"
    return "/".join(sorted(APOE_ALLELES[pair] for pair in pairs)), "called", detail


def call_markers(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """Read all markers for all samples.

    Args:
        con: has the raw tables genome_sample, genome_variant, genome_genotype.

    Returns:
        Rows of ``genome_marker``. status: called, not_assessed, no_call.
    """
    sites = {build: [(site, site.alt) for site in marker_sites(build)] for build in (GRCH37, GRCH38)}
    samples = con.execute("select distinct source, sample, file_id from genome_sample order by all").fetchall()
    found: dict[tuple[str, str, str], dict[str, Genotype]] = {}
    for row in site_calls(con, sites).to_pylist():
        if row["is_assessed"] and not row["is_haploid"]:
            reference = MARKER_SITES[row["rsid"]][2]
            phase = str(row["phase_set"] or "chromosome") if row["is_phased"] else None
            bases = (row["first"] or reference, row["second"] or reference, phase)
            found.setdefault((row["source"], row["sample"], row["file_id"]), {})[row["rsid"]] = bases
    best: dict[tuple[str, str], dict[str, Genotype]] = {}
    for source, sample, file_id in samples:
        mine = found.get((source, sample, file_id), {})
        # of several files of one sample the one that assesses most markers speaks
        if len(mine) >= len(best.get((source, sample), {})):
            best[source, sample] = mine
    rows = [
        {"source": source, "sample": sample, "marker": marker, "value": value, "status": status, "detail": detail}
        for (source, sample), mine in sorted(best.items())
        for marker, (value, status, detail) in _markers(mine).items()
    ]
    return pa.Table.from_pylist(rows, GENOME_MARKER.schema)


def _markers(genotypes: dict[str, Genotype]) -> dict[str, tuple[str | None, str, str | None]]:
    result = {"apoe": apoe(genotypes.get("rs429358"), genotypes.get("rs7412"))}
    for marker, (rsid, name) in COPY_MARKERS.items():
        alt = MARKER_SITES[rsid][3]
        if (bases := genotypes.get(rsid)) is None:
            result[marker] = (None, "not_assessed", name)
        elif "other" in bases[:2]:
            result[marker] = (None, "no_call", f"{name}: another allele at the position")
        else:
            result[marker] = (ZYGOSITY[bases[:2].count(alt)], "called", name)
    return result
