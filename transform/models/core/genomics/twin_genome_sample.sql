with
    samples as (select * from {{ ref("int_genome__sample_known") }}),

    quality as (select * from {{ source("genome_results", "genome_sample_qc") }}),

    withheld as (
        select source, sample, count(*) as n_findings
        from {{ source("genome_results", "genome_finding") }}
        where is_secondary
        group by source, sample
    ),

    people as (select person_id, sex from {{ ref("twin_person") }}),

    final as (
        select
            samples.person_id,
            samples.source_system,
            samples.sample,
            samples.build,
            samples.file_format,
            samples.absent_means,
            samples.assay,
            samples.collected_date,
            samples.n_files,
            quality.call_rate,
            quality.n_het,
            quality.n_hom_alt,
            quality.het_hom_ratio,
            quality.titv,
            quality.x_het_rate,
            quality.inferred_sex,
            case
                when
                    coalesce(people.sex, 'unknown') = 'unknown'
                    or coalesce(quality.inferred_sex, 'unknown') = 'unknown'
                then 'unknown'
                when people.sex = quality.inferred_sex
                then 'agrees'
                else 'differs'
            end as sex_check,
            samples.has_findings_consent,
            cast(
                case
                    when samples.has_findings_consent then 0 else coalesce(withheld.n_findings, 0)
                end as bigint
            ) as n_findings_withheld,
            quality.status as qc_status,
            quality.reason as qc_reason,
            samples.known_at,
            samples.known_basis
        from samples
        left join quality on quality.source = samples.source_system and quality.sample = samples.sample
        left join withheld on withheld.source = samples.source_system and withheld.sample = samples.sample
        left join people on people.person_id = samples.person_id
    )

select *
from final
