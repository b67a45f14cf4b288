with
    results as (select * from {{ source("genome_results", "genome_marker") }}),

    samples as (select * from {{ ref("int_genome__sample_known") }}),

    final as (
        select
            samples.person_id,
            results.source as source_system,
            results.sample,
            results.marker,
            results.value,
            results.status,
            results.detail,
            samples.known_at,
            samples.known_basis
        from results
        inner join samples on samples.source_system = results.source and samples.sample = results.sample
    )

select *
from final
