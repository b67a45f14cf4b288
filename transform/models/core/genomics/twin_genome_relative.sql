-- Strangers that share a person are found through the fingerprints; all other pairs come with their kinship.
with
    samples as (select * from {{ ref("int_genome__sample_known") }}),

    relatives as (select * from {{ source("genome_results", "genome_relative") }}),

    fingerprints as (
        select prints.source, prints.sample, prints.build, prints.dosages, samples.person_id
        from {{ source("genome_results", "genome_fingerprint") }} as prints
        inner join samples on samples.source_system = prints.source and samples.sample = prints.sample
        where samples.person_id is not null
    ),

    -- the lists stand in one order, so unnesting both puts the same variant side by side
    held_together as (
        select
            one.source,
            one.sample,
            other.source as other_source,
            other.sample as other_sample,
            one.build,
            unnest(one.dosages) as dosage,
            unnest(other.dosages) as other_dosage
        from fingerprints as one
        inner join
            fingerprints as other
            on other.person_id = one.person_id
            and other.build = one.build
            and (other.source > one.source or (other.source = one.source and other.sample > one.sample))
    ),

    of_one_person as (
        select
            source,
            sample,
            other_source,
            other_sample,
            build,
            count(*) filter (where dosage >= 0 and other_dosage >= 0) as n_sites,
            avg(case when dosage = other_dosage then 1.0 else 0.0 end) filter (
                where dosage >= 0 and other_dosage >= 0
            ) as concordance
        from held_together
        group by source, sample, other_source, other_sample, build
    ),

    strangers as (
        select of_one_person.*
        from of_one_person
        left join
            relatives
            on relatives.source = of_one_person.source
            and relatives.sample = of_one_person.sample
            and relatives.other_source = of_one_person.other_source
            and relatives.other_sample = of_one_person.other_sample
            and relatives.build = of_one_person.build
        where relatives.source is null
    ),

    pairs as (
        select source, sample, other_source, other_sample, build, relation, n_sites, concordance, kinship
        from relatives
        union all
        select
            source,
            sample,
            other_source,
            other_sample,
            build,
            case
                when n_sites < 100
                then 'not_compared'
                when concordance >= 0.95
                then 'same_genome'
                else 'different_genomes'
            end as relation,
            n_sites,
            concordance,
            null as kinship
        from strangers
    ),

    final as (
        select
            samples.person_id,
            pairs.source as source_system,
            pairs.sample,
            others.person_id as other_person_id,
            pairs.other_source as other_source_system,
            pairs.other_sample,
            pairs.build,
            coalesce(samples.person_id = others.person_id, false) as is_one_person,
            pairs.relation,
            pairs.n_sites,
            pairs.concordance,
            pairs.kinship,
            greatest(samples.known_at, others.known_at) as known_at
        from pairs
        inner join samples on samples.source_system = pairs.source and samples.sample = pairs.sample
        inner join
            samples as others
            on others.source_system = pairs.other_source
            and others.sample = pairs.other_sample
    )

select *
from final
