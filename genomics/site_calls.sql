-- Reads: site, genome_sample, genome_variant, genome_genotype. One query, see site_calls.py.
-- every record that speaks about a site: the same place and reference bases, whatever its ALT allele
with place as (
    select distinct build, chrom, pos, ref, rsid from site
),
named as (
    select v.file_id, v.variant_no, v.is_pass, v.allele_no > 0 as is_record, p.rsid, s.spelling
    from genome_variant as v
    inner join place as p on p.build = v.build and p.chrom = v.chrom and p.pos = v.pos and p.ref = v.ref
    left join site as s
        on s.build = v.build and s.chrom = v.chrom and s.pos = v.pos and s.ref = v.ref and s.alt = v.alt
        and s.rsid = p.rsid
    -- the first record counts where a file repeats a variant
    qualify row_number() over (partition by v.file_id, v.chrom, v.pos, v.ref, v.alt, p.rsid order by is_record desc, v.variant_no) = 1
),
spoken as (
    select
        n.file_id, g.sample, n.rsid,
        bool_and(g.state <> 'not_assessed') as is_assessed,
        bool_and(coalesce(g.reason, '') = 'half_call' or g.state = 'called') and bool_or(g.reason = 'half_call') as is_half,
        bool_or(g.a0 = -1) as first_missing,
        bool_or(g.a1 = -1) as second_missing,
        bool_or(g.a1 = -2) as is_haploid,
        max(case when g.a0 = 1 then coalesce(n.spelling, 'other') end) as first,
        max(case when g.a1 = 1 then coalesce(n.spelling, 'other') end) as second,
        bool_and(g.phased) as is_phased,
        max(g.phase_set) as phase_set,
        bool_or(g.state = 'hom_ref_asserted') as is_asserted
    from named as n
    inner join genome_genotype as g
        on g.file_id = n.file_id and g.variant_no = n.variant_no
    group by n.file_id, g.sample, n.rsid
),
records as (
    select file_id, rsid, bool_and(is_pass) as is_pass from named where is_record group by all
)
select
    p.source, p.file_id, p.sample, p.build, coalesce(k.rsid, r.rsid) as rsid,
    coalesce(k.is_assessed, true) and coalesce(r.is_pass, true) as is_assessed,
    coalesce(k.is_half, false) and coalesce(r.is_pass, true) as is_half,
    coalesce(k.first_missing, false) as first_missing, coalesce(k.second_missing, false) as second_missing,
    coalesce(k.is_haploid, false) as is_haploid, k.first, k.second,
    coalesce(k.is_phased, false) as is_phased, k.phase_set, coalesce(k.is_asserted, false) as is_asserted
from genome_sample as p
inner join records as r on r.file_id = p.file_id
left join spoken as k on k.file_id = p.file_id and k.sample = p.sample and k.rsid = r.rsid
union all
-- sites that only reference stretches of the file cover
select
    p.source, p.file_id, p.sample, p.build, k.rsid, k.is_assessed, k.is_half, k.first_missing, k.second_missing,
    k.is_haploid, k.first, k.second, k.is_phased, k.phase_set, k.is_asserted
from spoken as k
inner join genome_sample as p on p.file_id = k.file_id and p.sample = k.sample
left join records as r on r.file_id = k.file_id and r.rsid = k.rsid
where r.rsid is null
