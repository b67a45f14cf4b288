"""Secondary findings: carried alleles that ClinVar calls (likely) pathogenic with at least one review star.

Both sides are trimmed the same way before they are joined. Conflicting classifications are left out. The ACMG SF list
(v3.3) says which are reportable and when one copy is not enough.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa

from genomics.clinvar import read_clinvar
from genomics.scan import delivered, read_tables
from genomics.tables import CLINVAR_VARIANT, GENOME_FINDING, GENOME_SAMPLE, VARIANT_ID
from lake.files import read_yaml
from lake.quarantine import BadFile
from lake.settings import Settings

_SQL = Path(__file__).with_suffix(".sql")
_GENES = Path(__file__).with_name("acmg_sf.yaml")


def secondary_genes() -> pa.Table:
    """The ACMG SF list: gene, rule, version."""
    listed = read_yaml(_GENES)
    version = listed.pop("version")
    rows = [{"gene": gene, "rule": rule, "version": version} for rule, genes in listed.items() for gene in genes]
    return pa.Table.from_pylist(rows)


def find(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """Join genotypes with ClinVar.

    Args:
        con: has the raw tables clinvar_variant, genome_sample, genome_variant, genome_genotype.

    Returns:
        Rows of ``genome_finding``. status: reportable, reportable_if_in_trans, carrier, not_reportable, needs_review,
        not_on_list, low_quality.
    """
    con.register("secondary_gene", secondary_genes())
    con.execute(VARIANT_ID)
    try:
        con.execute(_SQL.read_text())
    finally:
        con.unregister("secondary_gene")
    listing = ", ".join(f'"{name}"' for name in GENOME_FINDING.schema.names)
    query = f"select {listing} from finding_result order by source, sample, chrom, pos, alt"
    return con.sql(query).to_arrow_table().cast(GENOME_FINDING.schema)


def find_vcf(vcf: Path, clinvar: Path, settings: Settings | None = None) -> pa.Table:
    """Join one VCF with a ClinVar release, without a platform around it.

    Raises:
        BadFile: one of the files is not usable, or they are on different builds.
    """
    from lake.warehouse import memory

    parts = [rows for rows, _, _ in read_clinvar(clinvar, settings)]
    release = pa.concat_tables(parts) if parts else CLINVAR_VARIANT.schema.empty_table()
    tables = read_tables(vcf, settings)
    builds = {
        name: set(rows["build"].to_pylist())
        for name, rows in (("release", release), ("vcf", tables[GENOME_SAMPLE.name]))
    }
    if builds["release"] and builds["vcf"] and not builds["release"] & builds["vcf"]:
        told = f"the VCF is on {', '.join(builds['vcf'])}, the ClinVar release on {', '.join(builds['release'])}"
        raise BadFile("build_mismatch", f"{told}; take the release of the same build")
    con = memory(settings or Settings())
    try:
        for name, rows in tables.items():
            con.register(name, delivered(rows, "vcf"))
        con.register(CLINVAR_VARIANT.name, delivered(release, "clinvar"))
        return find(con)
    finally:
        con.close()
