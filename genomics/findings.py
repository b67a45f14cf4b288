"""Secondary findings: carried alleles that ClinVar calls (likely) pathogenic with at least one review star.

Both sides are trimmed the same way before they are joined. Conflicting classifications are left out. The ACMG SF list
(v3.3) says which are reportable and when one copy is not enough.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import yaml

from genomics.tables import GENOME_FINDING

_SQL = Path(__file__).with_suffix(".sql")
_GENES = Path(__file__).with_name("acmg_sf.yaml")


def secondary_genes() -> pa.Table:
    """The ACMG SF list: gene, rule, version."""
    listed = yaml.safe_load(_GENES.read_text())
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
    try:
        con.execute(_SQL.read_text())
    finally:
        con.unregister("secondary_gene")
    listing = ", ".join(f'"{name}"' for name in GENOME_FINDING.schema.names)
    query = f"select {listing} from finding_result order by source, sample, chrom, pos, alt"
    return con.sql(query).to_arrow_table().cast(GENOME_FINDING.schema)
