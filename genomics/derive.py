"""Everything that follows from the landed genomes: scores, diplotypes, markers, findings, sample quality."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import pyarrow as pa

from genomics.findings import find
from genomics.markers import call_markers
from genomics.pgx.call import call_diplotypes
from genomics.relatives import find_relatives
from genomics.sample_qc import sample_qc
from genomics.scoring import score
from genomics.tables import (
    DERIVED,
    GENOME_DIPLOTYPE,
    GENOME_FINDING,
    GENOME_FINGERPRINT,
    GENOME_MARKER,
    GENOME_RECOMMENDATION,
    GENOME_RELATIVE,
    GENOME_SAMPLE_QC,
    GENOME_SCORE,
    GENOME_SCORE_AUDIT,
    TABLES,
)
from lake import derived
from lake.settings import Settings
from lake.sql import literal
from lake.tables import Table
from lake.warehouse import memory

PART = "all"


def derive(settings: Settings) -> dict[str, int]:
    """Compute all derived tables from raw Parquet and replace them whole.

    No VCF is read again: a new ClinVar release or score file changes the results through the lake alone. The results
    depend on the set of landed files, not on their order.

    Returns:
        Rows written by derived table.
    """
    derived.ensure_empty(settings, TABLES, DERIVED)
    with raw_views(settings) as con:
        scores, audit = score(con)
        diplotypes, recommendations = call_diplotypes(con)
        relatives, fingerprints = find_relatives(con)
        results: list[tuple[Table, pa.Table]] = [
            (GENOME_SCORE, scores),
            (GENOME_SCORE_AUDIT, audit),
            (GENOME_DIPLOTYPE, diplotypes),
            (GENOME_RECOMMENDATION, recommendations),
            (GENOME_MARKER, call_markers(con)),
            (GENOME_FINDING, find(con)),
            (GENOME_SAMPLE_QC, sample_qc(con)),
            (GENOME_RELATIVE, relatives),
            (GENOME_FINGERPRINT, fingerprints),
        ]
    for table, rows in results:
        derived.replace(settings, table, PART, rows)
    return {table.name: rows.num_rows for table, rows in results}


@contextmanager
def raw_views(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """An in-memory DuckDB with one view per raw table of this room."""
    con = memory(settings)
    try:
        for table in TABLES:
            files = literal(settings.raw / table.name / "*.parquet")
            con.execute(f"create view {table.name} as select * from read_parquet({files}, hive_partitioning = false)")
        yield con
    finally:
        con.close()
