-- Carried alleles that ClinVar calls (likely) pathogenic, and what the ACMG SF rules make of them.
-- Reads: clinvar_variant, genome_sample, genome_variant, genome_genotype, secondary_gene. Leaves: finding_result.

create or replace temp table finding_class as
with release as (
    -- of several releases for a build the largest counts: re-annotation replaces, it does not add up
    select build, file_id
    from clinvar_variant
    group by build, file_id
    qualify row_number() over (partition by build order by count(*) desc, file_id) = 1
)
select
    c.build, c.chrom, c.pos, c.ref, c.alt,
    arg_max(c.gene, c.review_stars) as gene,
    arg_max(c.condition, c.review_stars) as condition,
    arg_max(c.significance, c.review_stars) as significance,
    arg_max(c.consequence, c.review_stars) as consequence,
    max(c.review_stars) as review_stars
from clinvar_variant as c
inner join release as r on r.build = c.build and r.file_id = c.file_id
where regexp_matches(c.significance, '^(Pathogenic|Likely_pathogenic)') and c.review_stars >= 1
group by c.build, c.chrom, c.pos, c.ref, c.alt;

create or replace temp table finding_carrier as
select
    p.source, p.sample, p.file_id, variant_id(v.build, v.chrom, v.pos, v.ref, v.alt) as variant_id, v.chrom, v.pos, v.ref, v.alt,
    c.gene, c.condition, c.significance, c.review_stars, c.consequence, s.rule, s.version,
    case
        when g.a1 = -2 then 'hemizygous'
        when g.a0 = 1 and g.a1 = 1 then case when v.chrom = 'X' and p.ploidy_sex = 'male' then 'hemizygous' else 'homozygous' end
        when least(g.a0, g.a1) = -1 then 'at_least_one_copy'
        else 'heterozygous'
    end as zygosity,
    g.state = 'called' as is_assessed,
    -- heterozygous calls of one phase set lie on one strand or on both
    case when g.phased and g.a0 + g.a1 = 1 then coalesce(g.phase_set::varchar, 'chromosome') end as phase,
    g.a0 as strand
from finding_class as c
inner join genome_variant as v
    on v.build = c.build and v.chrom = c.chrom and v.pos = c.pos and v.ref = c.ref and v.alt = c.alt and v.allele_no > 0
inner join genome_genotype as g
    on g.file_id = v.file_id and g.variant_no = v.variant_no and (g.a0 = 1 or g.a1 = 1)
inner join genome_sample as p on p.file_id = g.file_id and p.sample = g.sample
left join secondary_gene as s on s.gene = c.gene
-- a sample may stand in several files: a good call goes before a poor one
qualify row_number() over (
    partition by p.source, p.sample, v.build, v.chrom, v.pos, v.ref, v.alt order by is_assessed desc, p.file_id, v.variant_no
) = 1;

create or replace temp table finding_result as
with counted as (
    select
        *,
        sum(case when zygosity in ('homozygous', 'hemizygous') then 2 else 1 end) filter (where is_assessed) over of_gene as hits,
        count(*) over of_gene = count(phase) over of_gene
            and min(phase) over of_gene = max(phase) over of_gene
            and min(strand) over of_gene = max(strand) over of_gene as is_cis,
        phase is not null and min(strand) over of_phase <> max(strand) over of_phase as is_trans
    from finding_carrier
    window
        of_gene as (partition by source, sample, gene, is_assessed),
        of_phase as (partition by source, sample, gene, is_assessed, phase)
)
select
    source, sample, gene, variant_id, chrom, pos, ref, alt, zygosity, significance, review_stars, condition,
    rule is not null as is_secondary,
    case when rule is null then 'ClinVar' else version || ': ' || rule end as rule,
    case
        when not is_assessed then 'low_quality'
        when rule is null then 'not_on_list'
        when rule in ('any', 'x_any') then 'reportable'
        when rule = 'truncating' then case
            when consequence is null then 'needs_review'
            when regexp_matches(consequence, 'nonsense|frameshift|splice_donor|splice_acceptor|stop_gained') then 'reportable'
            else 'not_reportable'
        end
        when rule = 'c282y' then case
            when ref = 'G' and alt = 'A' and pos in (26093141, 26092913) and zygosity = 'homozygous' then 'reportable'
            else 'carrier'
        end
        when zygosity in ('homozygous', 'hemizygous') then 'reportable'
        when is_trans then 'reportable'
        -- two variants on unknown strands: both may lie on one
        when hits >= 2 and not is_cis then 'reportable_if_in_trans'
        else 'carrier'
    end as status
from counted;
