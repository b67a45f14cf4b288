"""Genotypes at a list of sites for every sample of every file, with "not assessed" kept apart from "reference"."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa

from genomics.panel import PanelSite

_SQL = Path(__file__).with_suffix(".sql")


def site_calls(con: duckdb.DuckDBPyConnection, sites: dict[str, list[tuple[PanelSite, str]]]) -> pa.Table:
    """Look up sites in all files.

    Args:
        con: has the raw tables genome_sample, genome_variant, genome_genotype.
        sites: per build, the trimmed variants of the sites (``rsid`` names the site), and how their ALT is spelled.

    Returns:
        One row per file, sample and site that some record of the file speaks about: source, file_id, sample, build,
        rsid, is_assessed, is_half (one allele called), first_missing, second_missing, is_haploid,
        first, second (spelling of a carried ALT, null for the reference), is_phased,
        phase_set, is_asserted. A site without a row was not assessed.
    """
    rows = [
        {"build": build, **site._asdict(), "spelling": spelling}
        for build, listed in sites.items()
        for site, spelling in listed
    ]
    schema = pa.schema(
        [*((name, pa.string()) for name in ("build", "chrom", "ref", "alt", "rsid", "spelling")), ("pos", pa.int64())]
    )
    con.register("site", pa.Table.from_pylist(rows, schema))
    try:
        return con.sql(_SQL.read_text()).to_arrow_table()
    finally:
        con.unregister("site")
