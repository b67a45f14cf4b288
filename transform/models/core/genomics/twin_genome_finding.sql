with
    results as (select * from {{ source("genome_results", "genome_finding") }}),

    samples as (select * from {{ ref("int_genome__sample_known") }}),

    final as (
        select
            samples.person_id,
            results.source as source_system,
            results.sample,
            results.gene,
            results.variant_id,
            results.chrom,
            results.pos,
            results.ref,
            results.alt,
            results.zygosity,
            results.significance,
            results.review_stars,
            results.condition,
            results.rule,
            results.status,
            samples.known_at,
            samples.known_basis
        from results
        inner join samples on samples.source_system = results.source and samples.sample = results.sample
        -- the gate: nothing on the ACMG list is told to anyone without consent
        where not results.is_secondary or samples.has_findings_consent
    )

select *
from final
