-- Polygenic scores over the sparse genotype table.
-- Reads: score_weight (trimmed, one file per score and build), genome_sample, genome_variant, genome_genotype,
-- genome_callable_interval, score_setting, score_par (pseudoautosomal regions of X). Leaves: score_result, score_audit.

-- sites of the scores that any file knows; the first record of a variant counts where a file repeats it
create or replace temp table score_call as
select
    v.file_id, v.build, variant_id(v.build, v.chrom, v.pos, v.ref, v.alt) as variant_id, v.variant_no, v.chrom, v.pos, v.ref, v.alt,
    v.is_pass, v.n_called, v.alt_count, v.allele_number, v.record_no, v.n_alts
from genome_variant as v
where v.allele_no > 0 and (v.build, v.chrom, v.pos) in (select (w.build, w.chrom, w.pos) from score_weight as w)
qualify row_number() over (partition by v.file_id, v.chrom, v.pos, v.ref, v.alt order by v.variant_no) = 1;

-- a variant as a site: its alleles, and its frequency in the file with the most called genotypes
create or replace temp table score_site as
select
    build, variant_id, chrom, pos, ref, alt,
    max(n_called) as n_called,
    arg_max(alt_count / nullif(allele_number, 0), n_called) filter (where is_pass) as alt_frequency,
    translate(reverse(ref), 'ACGT', 'TGCA') as ref_flipped,
    translate(reverse(alt), 'ACGT', 'TGCA') as alt_flipped
from score_call
group by all;

create or replace temp table score_candidate as
select
    w.weight_id, s.variant_id, s.build,
    case
        when w.effect_allele = s.alt and w.other_allele = s.ref then 'altref'
        when w.effect_allele = s.ref and w.other_allele = s.alt then 'refalt'
        when w.effect_allele = s.alt_flipped and w.other_allele = s.ref_flipped then 'altref_flip'
        when w.effect_allele = s.ref_flipped and w.other_allele = s.alt_flipped then 'refalt_flip'
        when w.other_allele is null and w.effect_allele = s.alt then 'no_oa_alt'
        when w.other_allele is null and w.effect_allele = s.ref then 'no_oa_ref'
    end as match_type,
    match_type in ('altref', 'altref_flip', 'no_oa_alt') as effect_is_alt,
    s.ref = s.alt_flipped as is_ambiguous,
    case when effect_is_alt then s.alt_frequency else 1 - s.alt_frequency end as cohort_frequency,
    s.n_called
from score_weight as w
inner join score_site as s on s.build = w.build and s.chrom = w.chrom and s.pos = w.pos
where match_type is not null;

create or replace temp table score_file as
select file_id, build, source, bool_or(file_format = 'gvcf') as has_blocks, count(*) as n_samples
from genome_sample
group by all;

-- one match per file and weight: a variant of the file, or, where a gVCF has none, a site that other files know
create or replace temp table score_match as
select
    f.file_id, w.weight_id, w.pgs_id, c.variant_id, c.match_type, c.effect_is_alt, c.is_ambiguous,
    k.variant_id is not null as is_in_file, coalesce(k.is_pass, true) as is_pass, k.record_no, k.variant_no, coalesce(k.n_alts, 1) as n_alts,
    coalesce(w.allele_frequency, case when c.n_called >= s.least_called then c.cohort_frequency end) as effect_frequency,
    case
        when w.allele_frequency is not null then 'score_file'
        when c.n_called >= s.least_called then 'cohort'
        else 'none'
    end as frequency_source
from score_file as f
inner join score_weight as w on w.build = f.build
inner join score_candidate as c on c.weight_id = w.weight_id
left join score_call as k on k.file_id = f.file_id and k.variant_id = c.variant_id
cross join score_setting as s
where k.variant_id is not null or f.has_blocks
qualify row_number() over (
    partition by f.file_id, w.weight_id
    order by
        is_in_file desc, c.is_ambiguous,
        list_position(['altref', 'refalt', 'altref_flip', 'refalt_flip', 'no_oa_alt', 'no_oa_ref'], c.match_type),
        c.variant_id
) = 1;

-- what becomes of every weight in every file; of two weights for one allele of one variant the first counts
create or replace temp table score_fate as
select
    f.file_id, w.weight_id, w.pgs_id, m.* exclude (file_id, weight_id, pgs_id),
    case
        when m.weight_id is null then 'unmatched'
        when m.is_ambiguous and not s.keep_ambiguous then 'ambiguous'
        when row_number() over (
            partition by f.file_id, w.pgs_id, m.variant_id, m.effect_is_alt, m.is_ambiguous and not s.keep_ambiguous
            order by w.record_no
        ) > 1 then 'duplicate'
        else 'matched'
    end as fate
from score_file as f
inner join score_weight as w on w.build = f.build
left join score_match as m on m.file_id = f.file_id and m.weight_id = w.weight_id
cross join score_setting as s;

create or replace temp table score_used as
select
    row_number() over () as used_no, t.*, w.chrom, w.pos, w.effect_type, coalesce(w.effect_weight, 0) as weight,
    w.dosage_0_weight, w.dosage_1_weight, w.dosage_2_weight,
    -- of two copies of the reference
    case
        when w.effect_type = 'additive' then weight * case when t.effect_is_alt then 0 else 2 end
        when w.effect_type in ('dominant', 'recessive') then weight * (not t.effect_is_alt)::int
        when t.effect_is_alt then coalesce(w.dosage_0_weight, 0)
        else w.dosage_2_weight
    end as reference_value,
    length(v.ref) as ref_length,
    w.chrom = 'X' and not exists (
        select 1 from score_par as r where r.build = w.build and w.pos between r.start_pos and r.end_pos
    ) as is_single_in_males
from score_fate as t
inner join score_weight as w on w.weight_id = t.weight_id
inner join score_site as v on v.variant_id = t.variant_id and v.build = w.build
where t.fate = 'matched';

-- people and totals by number: texts would cost more than all sums
create or replace temp table score_person as
select row_number() over () as person_no, file_id, sample, ploidy_sex = 'male' as is_male
from genome_sample;

-- the variants whose genotypes are wanted; the dosage of REF is what all ALT alleles of the record leave
create or replace temp table score_place as
select used_no, file_id, variant_no, is_single_in_males, n_alts > 1 and not effect_is_alt as has_others
from score_used
where is_in_file and is_pass
union all
select u.used_no, u.file_id, v.variant_no, u.is_single_in_males, true
from score_used as u
inner join genome_variant as v on v.file_id = u.file_id and v.record_no = u.record_no and v.variant_no <> u.variant_no
where u.is_in_file and u.is_pass and u.n_alts > 1 and not u.effect_is_alt;

-- What each sample that has rows adds to a score beyond two copies of the reference. A male's X outside the
-- pseudoautosomal regions is one copy, also where it is written as a pair.
create or replace temp table score_part as
with near as materialized (
    -- numbers are compared first: what is left has few names of files to compare
    select file_id, variant_no, sample, state, a0, a1
    from genome_genotype
    where variant_no in (select variant_no from score_place)
),
called as (
    select l.used_no, l.has_others, l.is_single_in_males, g.file_id, g.sample, g.state <> 'not_assessed' as is_assessed, g.a0, g.a1
    from score_place as l
    inner join near as g on g.file_id = l.file_id and g.variant_no = l.variant_no
),
counted as (
    select
        c.used_no, p.person_no, c.has_others, c.is_assessed,
        p.is_male and c.is_single_in_males and c.a0 = c.a1 as is_pair,
        c.a1 = -2 or is_pair as is_haploid,
        (c.a0 = 1)::int + (c.a1 = 1 and not is_pair)::int as alt_copies
    from called as c
    inner join score_person as p on p.file_id = c.file_id and p.sample = c.sample
),
found as (
    select used_no, person_no, is_assessed, is_haploid, alt_copies
    from counted
    where not has_others
    union all
    select used_no, person_no, bool_and(is_assessed), bool_or(is_haploid), sum(alt_copies)::int
    from counted
    where has_others
    group by used_no, person_no
),
-- everyone starts with the expectation of a called homozygote for the reference; rows then say otherwise
judged as (
    -- samples with a row of their own
    select
        r.used_no, r.person_no, r.is_assessed,
        case
            when not r.is_assessed then null
            when r.is_haploid then (case when u.effect_is_alt then r.alt_copies else 1 - r.alt_copies end)
                * case when u.is_single_in_males then s.x_ploidy else 1 end
            when u.effect_is_alt then r.alt_copies
            else 2 - r.alt_copies
        end as copies,
        case when r.is_haploid and not (u.is_single_in_males and s.x_ploidy = 2) then 1 else 2 end as n_alleles
    from found as r
    inner join score_used as u on u.used_no = r.used_no
    cross join score_setting as s
    union all
    -- males without a row have a single reference allele on X
    select u.used_no, p.person_no, true, case when u.effect_is_alt then 0 else 1 end, 1
    from score_used as u
    inner join score_person as p on p.file_id = u.file_id and p.is_male
    left join found as r on r.used_no = u.used_no and r.person_no = p.person_no
    cross join score_setting as s
    where u.is_in_file and u.is_pass and u.is_single_in_males and s.x_ploidy = 1 and r.person_no is null
    union all
    -- a site that the file lacks or filters out is not assessed, unless a reference stretch spans it
    select
        u.used_no, p.person_no, i.start_pos is not null,
        case when i.start_pos is not null then (case when u.effect_is_alt then 0 else 2 end) end, 2
    from score_used as u
    inner join score_person as p on p.file_id = u.file_id
    left join genome_callable_interval as i
        on i.file_id = u.file_id and i.sample = p.sample and i.chrom = u.chrom
        and i.start_pos <= u.pos and i.end_pos >= u.pos + u.ref_length - 1 and not u.is_in_file
    where not (u.is_in_file and u.is_pass)
)
select
    u.used_no, t.person_no, u.pgs_id, t.is_assessed, t.copies,
    case
        when t.is_assessed then
            case u.effect_type
                when 'additive' then u.weight * t.copies
                when 'dominant' then u.weight * (t.copies > 0)::int
                when 'recessive' then u.weight * (t.copies = 2)::int
                else case t.copies when 0 then coalesce(u.dosage_0_weight, 0) when 1 then u.dosage_1_weight else u.dosage_2_weight end
            end
        -- the expectation in Hardy-Weinberg proportions
        else
            case u.effect_type
                when 'additive' then u.weight * 2 * u.effect_frequency
                when 'dominant' then u.weight * (1 - (1 - u.effect_frequency) ^ 2)
                when 'recessive' then u.weight * u.effect_frequency ^ 2
                else coalesce(u.dosage_0_weight, 0) * (1 - u.effect_frequency) ^ 2
                    + u.dosage_1_weight * 2 * u.effect_frequency * (1 - u.effect_frequency)
                    + u.dosage_2_weight * u.effect_frequency ^ 2
            end
    end as value,
    coalesce(value, 0) - u.reference_value as deviation,
    case when value is null then 2 else 2 - t.n_alleles end as fewer_alleles
from judged as t
inner join score_used as u on u.used_no = t.used_no;

create or replace temp table score_total as
with
baseline as (
    select file_id, pgs_id, sum(reference_value) as base
    from score_used
    group by all
),
counts as (
    select
        file_id, pgs_id, count(*) as n_weights,
        count(*) filter (where fate = 'matched') as n_matched,
        count(*) filter (where fate = 'ambiguous') as n_ambiguous,
        count(*) filter (where fate in ('unmatched', 'duplicate')) as n_unmatched
    from score_fate
    group by all
),
by_number as (
    select
        person_no, pgs_id,
        sum(deviation) as deviation, sum(fewer_alleles) as fewer_alleles,
        count(*) filter (where not is_assessed) as n_not_assessed
    from score_part
    group by all
),
deviations as (
    select p.file_id, p.sample, n.* exclude (person_no)
    from by_number as n
    inner join score_person as p on p.person_no = n.person_no
)
select
    p.source, p.sample, p.file_id, p.build, c.pgs_id, c.n_weights, c.n_matched, c.n_ambiguous, c.n_unmatched,
    coalesce(d.n_not_assessed, 0) as n_not_assessed,
    -- twelve decimals: the order of a sum changes its last bits, and with them ties, ranks and versions
    case when c.n_matched > 0 then round(b.base + coalesce(d.deviation, 0), 12) end as sum,
    (2 * c.n_matched - coalesce(d.fewer_alleles, 0))::double as denominator,
    c.n_matched / c.n_weights as match_rate,
    case
        when c.n_matched = 0 then 'no_match'
        when match_rate < s.least_match_rate then 'low_match_rate'
        when (c.n_matched - coalesce(d.n_not_assessed, 0)) / c.n_matched < s.least_match_rate then 'low_call_rate'
        else 'ok'
    end as status
from genome_sample as p
inner join counts as c on c.file_id = p.file_id
left join baseline as b on b.file_id = p.file_id and b.pgs_id = c.pgs_id
left join deviations as d on d.file_id = p.file_id and d.sample = p.sample and d.pgs_id = c.pgs_id
cross join score_setting as s;

-- z and percentile against the good scores of the file with the most samples that matched the same number of weights
create or replace temp table score_reference as
select build, pgs_id, n_matched, file_id, count(*) as n, avg(sum) as mean, stddev_samp(sum) as sd
from score_total
where status = 'ok'
group by build, pgs_id, n_matched, file_id
having count(*) >= (select least_cohort from score_setting)
qualify row_number() over (partition by build, pgs_id, n_matched order by n desc, file_id) = 1;

create or replace temp table score_rank as
with ranked as (
    select t.sample, t.file_id, t.pgs_id, t.sum, r.n, rank() over w as lowest, count(*) over (partition by t.file_id, t.pgs_id, t.sum) as ties
    from score_total as t
    inner join score_reference as r on r.file_id = t.file_id and r.pgs_id = t.pgs_id and r.n_matched = t.n_matched
    where t.status = 'ok'
    window w as (partition by t.file_id, t.pgs_id order by t.sum)
)
select *, 100 * (lowest - 1 + 0.5 * ties) / n as percentile
from ranked;

create or replace temp table score_result as
with traits as (
    select pgs_id, build, min(trait) as trait from score_weight group by all
),
-- a sample outside the reference file takes the place it would have there
outside as (
    select
        t.file_id, t.sample, t.pgs_id,
        100 * (count(*) filter (where o.sum < t.sum) + 0.5 * count(*) filter (where o.sum = t.sum)) / count(*) as percentile
    from score_total as t
    inner join score_reference as r on r.build = t.build and r.pgs_id = t.pgs_id and r.n_matched = t.n_matched
    inner join score_rank as o on o.file_id = r.file_id and o.pgs_id = t.pgs_id
    where t.status = 'ok' and t.file_id <> r.file_id
    group by t.file_id, t.sample, t.pgs_id
)
select
    t.source, t.sample, t.pgs_id, x.trait, t.build, t.sum, t.denominator, t.sum / nullif(t.denominator, 0) as average,
    case when t.status = 'ok' then round((t.sum - r.mean) / nullif(r.sd, 0), 12) end as z,
    case
        when t.status <> 'ok' then null
        when k.sample is not null then k.percentile
        else a.percentile
    end as percentile,
    t.n_weights, t.n_matched, t.n_ambiguous, t.n_unmatched, t.n_not_assessed, t.match_rate, t.status,
    case t.status
        when 'no_match' then 'no weight of the score is in this file'
        when 'low_match_rate' then 'too few weights of the score are in this file'
        when 'low_call_rate' then 'too few of the matched sites are assessed in this sample'
    end as reason,
    case when r.n is not null and t.status = 'ok' then 'cohort of ' || r.n || ' samples' else 'none' end as normalisation,
    s.x_ploidy, t.file_id
from score_total as t
inner join traits as x on x.pgs_id = t.pgs_id and x.build = t.build
left join score_reference as r on r.build = t.build and r.pgs_id = t.pgs_id and r.n_matched = t.n_matched
left join score_rank as k on k.file_id = t.file_id and k.sample = t.sample and k.pgs_id = t.pgs_id
left join outside as a on a.file_id = t.file_id and a.sample = t.sample and a.pgs_id = t.pgs_id
cross join score_setting as s
-- a sample in several files is scored from the one that knows most
qualify row_number() over (
    partition by t.source, t.sample, t.pgs_id order by t.n_matched - t.n_not_assessed desc, t.file_id
) = 1;

create or replace temp table score_audit as
with carriers as (
    select
        u.file_id, u.weight_id, count(*) filter (where t.copies > 0) as n_with_row,
        count(*) filter (where not t.is_assessed) as n_not_assessed, count(*) as n_rows
    from score_part as t
    inner join score_used as u on u.used_no = t.used_no
    group by all
)
select
    t.file_id, w.pgs_id, w.record_no, t.variant_id, w.rsid, w.chrom, w.pos, w.effect_allele, w.other_allele, t.match_type,
    t.fate as status,
    case t.fate
        when 'unmatched' then 'no such variant in the file'
        when 'ambiguous' then 'A/T or C/G: the strand cannot be told'
        when 'duplicate' then 'another weight of the score names the same allele'
        else case
            when not t.is_pass then 'the record failed its filter'
            when not t.is_in_file then 'from reference stretches of the gVCF'
        end
    end as reason,
    t.effect_frequency, t.frequency_source,
    -- whoever has no row carries two copies of the reference
    case when t.fate = 'matched' then
        coalesce(c.n_with_row, 0) + case when t.effect_is_alt or not (t.is_in_file and t.is_pass) then 0 else f.n_samples - coalesce(c.n_rows, 0) end
    end as n_carriers,
    case when t.fate = 'matched' then coalesce(c.n_not_assessed, 0) end as n_not_assessed
from score_fate as t
inner join score_weight as w on w.weight_id = t.weight_id
inner join score_file as f on f.file_id = t.file_id
left join carriers as c on c.file_id = t.file_id and c.weight_id = t.weight_id;
