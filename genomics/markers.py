"""Markers read from one or two positions: APOE, factor V Leiden, prothrombin G20210A, HFE.

Sources: APOE Zannis 1982 and dbSNP (e2 = T,T; e3 = T,C; e4 = C,C at rs429358, rs7412 on the forward strand of both
builds; the reference genome is e3); F5 c.1601G>A (p.Arg534Gln, "Leiden"), F2 c.*97G>A ("G20210A"), HFE p.Cys282Tyr and
p.His63Asp: ClinVar and OMIM 612309, 176930, 613609.
"""

from __future__ import annotations

from genomics.builds import GRCH37, GRCH38
from genomics.panel import PanelSite

APOE_SITES = ("rs429358", "rs7412")

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
