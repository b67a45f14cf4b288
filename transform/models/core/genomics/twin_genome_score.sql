with
    results as (select * from {{ source("genome_results", "genome_score") }}),

    samples as (select * from {{ ref("int_genome__sample_known") }}),

    final as (
        select
            samples.person_id,
            results.source as source_system,
            results.sample,
            results.pgs_id,
            results.trait,
            results.build,
            results.sum,
            results.denominator,
            results.average,
            results.z,
            results.percentile,
            results.n_weights,
            results.n_matched,
            results.n_ambiguous,
            results.n_unmatched,
            results.n_not_assessed,
            results.match_rate,
            results.status,
            results.reason,
            results.normalisation,
            samples.known_at,
            samples.known_basis
        from results
        inner join samples on samples.source_system = results.source and samples.sample = results.sample
    )

select *
from final
