"""Sites that are looked at in every genome, whatever the file calls: pharmacogenes and markers."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from genomics.builds import GRCH37, GRCH38


class PanelSite(NamedTuple):
    """One variant of the panel, trimmed."""

    chrom: str
    pos: int
    ref: str
    alt: str
    rsid: str | None


@cache
def panel_sites(build: str) -> tuple[PanelSite, ...]:
    """All panel sites of a build, ordered by place; empty for an unknown build."""
    if build not in (GRCH37, GRCH38):
        return ()
    from genomics.markers import marker_sites
    from genomics.pgx.definitions import load_definitions

    sites = {*marker_sites(build)}
    for definition in load_definitions():
        sites.update(definition.panel_sites(build))
    return tuple(sorted(sites, key=lambda site: (site.chrom, site.pos, site.ref, site.alt)))
