with
    results as (select * from {{ source("genome_results", "genome_diplotype") }}),

    samples as (select * from {{ ref("int_genome__sample_known") }}),

    final as (
        select
            samples.person_id,
            results.source as source_system,
            results.sample,
            results.gene,
            results.diplotype,
            results.alternatives,
            results.activity_score,
            results.phenotype,
            results.status,
            results.reason,
            results.missing_positions,
            results.definition_version,
            samples.known_at,
            samples.known_basis
        from results
        inner join samples on samples.source_system = results.source and samples.sample = results.sample
    )

select *
from final
