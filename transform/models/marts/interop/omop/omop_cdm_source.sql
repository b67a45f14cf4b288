-- One row per database: this one.
with
    versions as (
        select max(vocabulary_version) as vocabulary_version
        from {{ here(ref("omop_vocabulary")) }}
        where vocabulary_id = 'None'
    ),

    known as (
        select cast(coalesce(max({{ export_moment() }}), max(known_at)) as date) as known_date
        from {{ here(ref("interop_fact")) }}
    ),

    final as (
        select
            'Human twin' as cdm_source_name,
            'human-twin' as cdm_source_abbreviation,
            'human-twin' as cdm_holder,
            'Export of the human twin warehouse: the current, not retracted version of every fact; times in UTC. Research use, not for care.'
            as source_description,
            coalesce(known.known_date, current_date) as source_release_date,
            current_date as cdm_release_date,
            '5.4' as cdm_version,
            756265 as cdm_version_concept_id,
            coalesce(left(versions.vocabulary_version, 20), 'none landed') as vocabulary_version
        from versions
        cross join known
    )

select *
from final
