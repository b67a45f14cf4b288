with
    samples as (select * from {{ ref("int_genome__sample_known") }}),

    quality as (select * from {{ source("genome_results", "genome_sample_qc") }}),

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
            quality.status as qc_status,
            quality.reason as qc_reason,
            samples.known_at,
            samples.known_basis
        from samples
        left join quality on quality.source = samples.source_system and quality.sample = samples.sample
        left join people on people.person_id = samples.person_id
    )

select *
from final
