with
    samples as (select * from {{ ref("twin_genome_sample") }}),

    relatives as (select * from {{ ref("twin_genome_relative") }}),

    alarms as (
        select
            'sex_differs' as alarm,
            source_system,
            sample,
            null as other_source_system,
            null as other_sample,
            'the calls on X are ' || inferred_sex || ', the person is not' as detail
        from samples
        where sex_check = 'differs'
        union all
        select
            'poor_quality', source_system, sample, null, null, coalesce(qc_reason, 'failed its quality check')
        from samples
        where qc_status = 'fail'
        union all
        select
            'same_genome_two_people',
            source_system,
            sample,
            other_source_system,
            other_sample,
            'one genome under two people: a duplicate, a swap, or identical twins'
        from relatives
        where
            relation = 'same_genome'
            and not is_one_person
            and person_id is not null
            and other_person_id is not null
        union all
        select
            'two_genomes_one_person',
            source_system,
            sample,
            other_source_system,
            other_sample,
            'two genomes under one person: one of them is somebody else''s'
        from relatives
        where is_one_person and relation not in ('same_genome', 'not_compared')
    ),

    final as (
        select
            md5(
                {{
                    digest(
                        [
                            "alarms.alarm",
                            "alarms.source_system",
                            "alarms.sample",
                            "alarms.other_source_system",
                            "alarms.other_sample",
                        ]
                    )
                }}
            ) as alarm_id,
            alarms.alarm,
            samples.person_id,
            alarms.source_system,
            alarms.sample,
            others.person_id as other_person_id,
            alarms.other_source_system,
            alarms.other_sample,
            alarms.detail,
            greatest(samples.known_at, coalesce(others.known_at, samples.known_at)) as known_at
        from alarms
        inner join samples on samples.source_system = alarms.source_system and samples.sample = alarms.sample
        left join
            samples as others
            on others.source_system = alarms.other_source_system
            and others.sample = alarms.other_sample
    )

select *
from final
