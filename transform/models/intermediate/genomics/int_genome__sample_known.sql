-- One row per sample of a source: the person it belongs to, and when its results could first be used.
-- A sheet that was delivered again with a later date does not move that moment.
with
    samples as (select * from {{ ref("stg_genomics__sample") }}),

    sheets as (select * from {{ ref("stg_genomics__sample_sheet") }}),

    files as (
        select file_id, min(ingested_at) as ingested_at from {{ ref("stg_landing__file") }} group by file_id
    ),

    links as (select * from {{ ref("twin_person_link") }} where id_type = 'sample'),

    delivered as (
        select
            samples.source_system,
            samples.sample,
            min(files.ingested_at) as ingested_at,
            count(distinct samples.file_id) as n_files
        from samples
        left join files on files.file_id = samples.file_id
        group by samples.source_system, samples.sample
    ),

    -- of several builds and kinds the file with the most records speaks, as it does for the sample's quality
    profiles as (
        select source_system, sample, build, file_format, absent_means
        from samples
        qualify row_number() over (partition by source_system, sample order by n_records desc, file_id) = 1
    ),

    reported as (
        select
            source_system,
            sample,
            min(reported_at) as reported_at,
            min(collected_date) as collected_date,
            max(assay) as assay,
            -- consent may be withdrawn: the last statement counts, and of two at once the refusal
            arg_max(has_findings_consent, row(reported_at, not has_findings_consent)) as has_findings_consent
        from sheets
        group by source_system, sample
    ),

    final as (
        select
            links.person_id,
            delivered.source_system,
            delivered.sample,
            profiles.build,
            profiles.file_format,
            profiles.absent_means,
            reported.assay,
            reported.collected_date,
            coalesce(reported.has_findings_consent, false) as has_findings_consent,
            delivered.n_files,
            coalesce(reported.reported_at, delivered.ingested_at) as known_at,
            case when reported.reported_at is not null then 'recorded' else 'imputed' end as known_basis,
            delivered.ingested_at
        from delivered
        inner join
            profiles
            on profiles.source_system = delivered.source_system
            and profiles.sample = delivered.sample
        left join
            reported
            on reported.source_system = delivered.source_system
            and reported.sample = delivered.sample
        left join
            links
            on links.source_system = delivered.source_system
            and links.source_person_key = delivered.sample
    )

select *
from final
