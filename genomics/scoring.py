"""Polygenic scores: weights are matched to the variants of a file, and summed over the sparse genotypes in SQL.

Matching follows the PGS Catalog's rules (Lambert 2024, doi:10.1101/2024.05.29.24307783): REF/ALT as written, then
strand flips, strand-ambiguous alleles excluded. A missing genotype takes its expectation, from the frequency in the
score file or from a cohort of at least 50 called genotypes (plink2's rule); it is never taken for the reference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genomics.builds import PAR_X
from genomics.normalise import trim
from genomics.scan import delivered, read_tables
from genomics.score_file import ScoreFile, read_score_file
from genomics.tables import GENOME_SAMPLE, GENOME_SCORE, GENOME_SCORE_AUDIT, VARIANT_ID
from lake.quarantine import BadFile
from lake.settings import Settings
from lake.tables import Table

_SQL = Path(__file__).with_suffix(".sql")


@dataclass(frozen=True)
class Policy:
    """What scoring leaves open.

    Attributes:
        least_match_rate: least share of weights matched, and of those assessed, for a usable score (pgsc_calc: 0.75).
        least_called: least called genotypes before a cohort's own frequency stands in for a missing genotype.
        least_cohort: least samples before z and percentile are given.
        x_ploidy: copies that a hemizygous X allele counts for: 2 as plink2 does, or 1.
        keep_ambiguous: score A/T and C/G variants as written.
    """

    least_match_rate: float = 0.75
    least_called: int = 50
    least_cohort: int = 20
    x_ploidy: int = 2
    keep_ambiguous: bool = False


def score(con: duckdb.DuckDBPyConnection, policy: Policy | None = None) -> tuple[pa.Table, pa.Table]:
    """Score every sample with every score of its build.

    Args:
        con: has the raw tables genome_sample, genome_variant, genome_genotype, genome_callable_interval, pgs_weight
            with their file_id and source.
        policy: thresholds and conventions.

    Returns:
        Rows of ``genome_score`` and of ``genome_score_audit``.
    """
    policy = policy or Policy()
    con.register("score_weight_input", _trimmed_weights(con))
    con.execute("create or replace temp table score_weight as select * from score_weight_input")
    con.unregister("score_weight_input")
    con.execute(
        "create or replace temp table score_setting as select ?::double as least_match_rate, ?::bigint as least_called,"
        " ?::bigint as least_cohort, ?::bigint as x_ploidy, ?::boolean as keep_ambiguous",
        [policy.least_match_rate, policy.least_called, policy.least_cohort, policy.x_ploidy, policy.keep_ambiguous],
    )
    regions = [
        {"build": build, "start_pos": start, "end_pos": end} for build, listed in PAR_X.items() for start, end in listed
    ]
    con.register("score_par", pa.Table.from_pylist(regions))
    con.execute(VARIANT_ID)
    con.execute(_SQL.read_text())
    con.unregister("score_par")
    return _result(con, "score_result", GENOME_SCORE), _result(con, "score_audit", GENOME_SCORE_AUDIT)


def score_vcf(
    vcf: Path, score_files: Sequence[Path | ScoreFile], settings: Settings | None = None, policy: Policy | None = None
) -> tuple[pa.Table, pa.Table]:
    """Score the samples of one VCF with scoring files, without a platform around it.

    Raises:
        BadFile: one of the files is not usable, or none is on the build of the VCF.
    """
    from lake.warehouse import memory

    files = [one if isinstance(one, ScoreFile) else read_score_file(one, settings) for one in score_files]
    con = memory(settings or Settings())
    try:
        tables = read_tables(vcf, settings)
        builds = set(tables[GENOME_SAMPLE.name]["build"].to_pylist())
        if builds and not builds & {one.build for one in files}:
            told = f"the VCF is on {', '.join(builds)}, the scores on {', '.join(sorted({one.build for one in files}))}"
            raise BadFile("build_mismatch", f"{told}; take the Catalog's harmonised files of the VCF's build")
        for name, rows in tables.items():
            con.register(name, delivered(rows, "vcf"))
        weights = [delivered(one.weights, str(number)) for number, one in enumerate(files)]
        con.register("pgs_weight", pa.concat_tables(weights))
        return score(con, policy)
    finally:
        con.close()


def _trimmed_weights(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """One file per score and build, its alleles trimmed as variants are; ``weight_id`` numbers the rows."""
    rows = con.sql("""
        with chosen as (
            select pgs_id, build, file_id
            from pgs_weight
            group by pgs_id, build, file_id
            qualify row_number() over (partition by pgs_id, build order by count(*) desc, file_id) = 1
        )
        select w.* exclude (source, file_id)
        from pgs_weight as w
        inner join chosen as c on c.pgs_id = w.pgs_id and c.build = w.build and c.file_id = w.file_id
        order by w.pgs_id, w.build, w.record_no
    """).to_arrow_table()
    rows = rows.combine_chunks()
    effect, other = (rows[name].combine_chunks() for name in ("effect_allele", "other_allele"))
    # without the other allele nothing can be trimmed: against itself, a single base stays as it is
    partner = pc.coalesce(other, pc.utf8_slice_codeunits(effect, 0, 1))
    pos, short_effect, short_other = trim(np.asarray(rows["pos"].combine_chunks()), effect, partner)
    known = pc.is_valid(other)
    columns = {
        "pos": pa.array(np.where(np.asarray(known), pos, np.asarray(rows["pos"].combine_chunks()))),
        "effect_allele": pc.if_else(known, short_effect, effect),
        "other_allele": pc.if_else(known, short_other, other),
    }
    for name, values in columns.items():
        rows = rows.set_column(rows.schema.get_field_index(name), name, values)
    return rows.append_column("weight_id", pa.array(np.arange(rows.num_rows)))


def _result(con: duckdb.DuckDBPyConnection, name: str, table: Table) -> pa.Table:
    listing = ", ".join(f'"{column}"' for column in table.schema.names)
    order = {"score_result": "source, sample, pgs_id", "score_audit": "file_id, pgs_id, record_no"}[name]
    return con.sql(f"select {listing} from {name} order by {order}").to_arrow_table().cast(table.schema)
