with
    audit as (select * from {{ source("genome_results", "genome_score_audit") }}),

    per_variant as (
        select
            pgs_id,
            record_no,
            min(rsid) as rsid,
            min(chrom) as chrom,
            min(pos) as pos,
            min(effect_allele) as effect_allele,
            min(other_allele) as other_allele,
            count(*) as n_files,
            count(*) filter (where status = 'matched') as n_files_matched,
            mode(match_type) as match_type,
            mode(reason) filter (where status <> 'matched') as unused_because,
            avg(effect_frequency) as effect_frequency,
            sum(coalesce(n_carriers, 0)) as n_carriers,
            sum(coalesce(n_not_assessed, 0)) as n_not_assessed
        from audit
        group by pgs_id, record_no
    ),

    final as (
        select
            pgs_id,
            record_no,
            rsid,
            chrom,
            pos,
            effect_allele,
            other_allele,
            case
                when n_files_matched = n_files
                then 'used'
                when n_files_matched = 0
                then 'unused'
                else 'used in some files'
            end as outcome,
            n_files,
            n_files_matched,
            match_type,
            unused_because,
            effect_frequency,
            cast(n_carriers as bigint) as n_carriers,
            cast(n_not_assessed as bigint) as n_not_assessed
        from per_variant
    )

select *
from final
