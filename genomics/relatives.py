"""Landed samples held against each other, whatever file they came in: relatives, duplicates, and fingerprints."""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genomics.builds import UNKNOWN
from genomics.kinship import MOST_SAMPLES, WINDOW, PairCounts
from genomics.tables import GENOME_FINGERPRINT, GENOME_RELATIVE

MOST_SITES = 5000
LEAST_FREQUENCY = 0.05
"""Rarer alleles tell few pairs apart."""

LEAST_REFERENCE = 0.02
"""A sample with a smaller share of homozygous reference calls comes from a file that lists variants only."""

_PANEL = f"""
with common as (
    select
        build, chrom, pos, ref, alt, sum(n_called) as n_called,
        abs(sum(alt_count) / sum(allele_number) - 0.5) as away_from_half
    from genome_variant
    where allele_no > 0 and n_alts = 1 and is_pass and length(ref) = 1 and length(alt) = 1
        and try_cast(chrom as int) is not null and build <> '{UNKNOWN}'
    group by build, chrom, pos, ref, alt
    -- a file of one genome shows no frequency
    having count(distinct file_id) > 1 or sum(n_called) > 1
)
select build, chrom, pos, ref, alt
from common
where away_from_half <= 0.5 - {LEAST_FREQUENCY} or n_called < {1 / LEAST_FREQUENCY}
-- one variant of each locus: the one that most samples have, then the commonest
qualify
    row_number() over (partition by build, chrom, pos // {WINDOW} order by n_called desc, away_from_half, pos, alt) = 1
order by n_called desc, away_from_half, build, chrom, pos
"""

_CALLS = """
-- a called variant without a row of its own is homozygous for the reference
select
    s.site, k.place,
    case when g.sample is null then 0 else (g.a0 = 1)::tinyint + (g.a1 = 1)::tinyint end::tinyint as copies
from kinship_site as s
inner join genome_variant as v
    on v.build = s.build and v.chrom = s.chrom and v.pos = s.pos and v.ref = s.ref and v.alt = s.alt and v.is_pass
inner join genome_sample as p on p.file_id = v.file_id
inner join kinship_sample as k on k.source = p.source and k.sample = p.sample
left join genome_genotype as g
    on g.file_id = v.file_id and g.variant_no = v.variant_no and g.sample = p.sample
where
    (g.state is null and v.allele_no > 0)
    or (g.state in ('called', 'hom_ref_asserted') and g.a1 <> -2)
-- of several files of one sample the last speaks, whatever the order of landing
order by p.file_id, v.variant_no
"""


def find_relatives(con: duckdb.DuckDBPyConnection) -> tuple[pa.Table, pa.Table]:
    """Compare all samples of each build.

    Args:
        con: has the raw tables genome_sample, genome_variant, genome_genotype.

    Returns:
        Rows of ``genome_relative`` and of ``genome_fingerprint``.
    """
    panel = con.sql(_PANEL).to_arrow_table()
    relatives, fingerprints = [GENOME_RELATIVE.schema.empty_table()], [GENOME_FINGERPRINT.schema.empty_table()]
    for build in sorted(set(panel["build"].to_pylist())):
        sites = panel.filter(pc.equal(panel["build"], build)).slice(0, MOST_SITES)
        query = "select distinct source, sample from genome_sample where build = ? order by all"
        people = con.sql(query, params=[build]).to_arrow_table()
        dosage = _dosages(con, sites, people)
        fingerprints.append(_fingerprints(people, dosage, build))
        if people.num_rows <= MOST_SAMPLES:
            relatives.append(_pairs(people, dosage, sites, build))
    return pa.concat_tables(relatives), pa.concat_tables(fingerprints)


def _dosages(con: duckdb.DuckDBPyConnection, sites: pa.Table, people: pa.Table) -> np.ndarray:
    """Sites x samples with the copies of the alternate allele, -1 not assessed."""
    con.register("kinship_site", sites.append_column("site", pa.array(np.arange(sites.num_rows))))
    con.register("kinship_sample", people.append_column("place", pa.array(np.arange(people.num_rows))))
    try:
        calls = con.sql(_CALLS).to_arrow_table()
    finally:
        con.unregister("kinship_site")
        con.unregister("kinship_sample")
    dosage = np.full((sites.num_rows, people.num_rows), -1, dtype=np.int8)
    site, place, copies = (np.asarray(calls[name].combine_chunks()) for name in ("site", "place", "copies"))
    dosage[site, place] = copies
    return dosage


def _fingerprints(people: pa.Table, dosage: np.ndarray, build: str) -> pa.Table:
    n_sites, n_samples = dosage.shape
    offsets = pa.array(np.arange(n_samples + 1, dtype=np.int32) * n_sites)
    columns = {
        "source": people["source"],
        "sample": people["sample"],
        "build": pa.array([build] * n_samples, pa.string()),
        "n_assessed": pa.array((dosage >= 0).sum(axis=0).astype(np.int64)),
        "dosages": pa.ListArray.from_arrays(offsets, pa.array(dosage.T.ravel())),
    }
    return pa.table(columns).cast(GENOME_FINGERPRINT.schema)


def _pairs(people: pa.Table, dosage: np.ndarray, sites: pa.Table, build: str) -> pa.Table:
    counts = PairCounts(people.num_rows)
    counts.add(sites, dosage)
    assessed = np.maximum((dosage >= 0).sum(axis=0), 1)
    numbered = [str(index) for index in range(people.num_rows)]
    found = counts.pairs(numbered, (dosage == 0).sum(axis=0) / assessed >= LEAST_REFERENCE)
    first, second = (people.take(pc.cast(found[name], pa.int64())) for name in ("first", "second"))
    columns = {
        "source": first["source"], "sample": first["sample"], "other_source": second["source"],
        "other_sample": second["sample"], "build": pa.array([build] * found.num_rows, pa.string()),
        **{name: found[name] for name in ("n_sites", "n_ibs0", "concordance", "kinship", "relation")},
    }  # fmt: skip
    return pa.table(columns).cast(GENOME_RELATIVE.schema)
