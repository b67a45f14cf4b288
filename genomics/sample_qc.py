"""Quality of a sample from its own calls: call rate, heterozygosity, Ti/Tv and the sex that X shows."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from genomics.builds import PAR_X
from genomics.tables import GENOME_SAMPLE_QC

LEAST_CALL_RATE = 0.95
LEAST_X_SITES = 20
MALE_X_HET_RATE, FEMALE_X_HET_RATE = 0.02, 0.1
"""Share of heterozygous calls among X sites with an alternate allele: males have none but errors."""

_QC = """
with carried as (
    select
        g.file_id, g.sample, v.record_no, v.chrom, v.pos, v.build,
        v.is_pass and g.state = 'called' as is_good,
        g.a1 = -2 as is_haploid,
        max((g.a0 = 1 and g.a1 = 1) or (g.a1 = -2 and g.a0 = 1)) as is_hom_alt,
        max(g.a0 = 1 or g.a1 = 1) as is_carrier,
        sum(((v.ref || v.alt) in ('AG', 'GA', 'CT', 'TC') and (g.a0 = 1 or g.a1 = 1))::int) as transitions,
        sum((length(v.ref) = 1 and length(v.alt) = 1 and (v.ref || v.alt) not in ('AG', 'GA', 'CT', 'TC')
            and (g.a0 = 1 or g.a1 = 1))::int) as transversions
    from genome_genotype as g
    inner join genome_variant as v
        on v.file_id = g.file_id and v.variant_no = g.variant_no and v.allele_no > 0
    group by all
),
counts as (
    select
        file_id, sample,
        count(*) filter (where is_carrier and not is_hom_alt and not is_haploid) as n_het,
        count(*) filter (where is_hom_alt) as n_hom_alt,
        sum(transitions) as transitions, sum(transversions) as transversions,
        count(*) filter (where is_on_x and is_carrier) as x_carried,
        count(*) filter (where is_on_x and is_carrier and not is_hom_alt and not is_haploid) as x_het
    from (select *, chrom = 'X' and not {par} as is_on_x from carried where is_good)
    group by file_id, sample
),
judged as (
    select
        p.*, p.n_called / nullif(p.n_records, 0) as call_rate,
        coalesce(c.n_het, 0) as n_het, coalesce(c.n_hom_alt, 0) as n_hom_alt,
        c.n_het / nullif(c.n_hom_alt, 0) as het_hom_ratio,
        c.transitions / nullif(c.transversions, 0) as titv,
        case when c.x_carried >= {least_x} then c.x_het / c.x_carried end as x_het_rate
    from genome_sample as p
    left join counts as c on c.file_id = p.file_id and c.sample = p.sample
)
select
    source, sample, build, call_rate, n_het, n_hom_alt, het_hom_ratio, titv,
    case
        when ploidy_sex <> 'unknown' then ploidy_sex
        when x_het_rate <= {male} then 'male'
        when x_het_rate >= {female} then 'female'
        else 'unknown'
    end as inferred_sex,
    x_het_rate,
    case when coalesce(call_rate, 0) < {least_call} then 'fail' else 'ok' end as status,
    case
        when n_records = 0 then 'no record of the file has genotypes'
        when call_rate < {least_call} then 'call rate below {least_call}'
    end as reason
from judged
-- a sample in several files is judged by the one with the most records
qualify row_number() over (partition by source, sample order by n_records desc, file_id) = 1
order by source, sample
"""


def sample_qc(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """Judge every sample.

    Args:
        con: has the raw tables genome_sample, genome_variant, genome_genotype.

    Returns:
        Rows of ``genome_sample_qc``. Het and homozygous are counted per record, so 1/2 is one heterozygous call.
    """
    par = " or ".join(
        f"(build = '{build}' and pos between {start} and {end})"
        for build, regions in PAR_X.items()
        for start, end in regions
    )
    query = _QC.format(
        par=f"({par})",
        least_x=LEAST_X_SITES,
        male=MALE_X_HET_RATE,
        female=FEMALE_X_HET_RATE,
        least_call=LEAST_CALL_RATE,
    )
    listing = ", ".join(f'"{name}"' for name in GENOME_SAMPLE_QC.schema.names)
    return con.sql(f"select {listing} from ({query})").to_arrow_table().cast(GENOME_SAMPLE_QC.schema)
