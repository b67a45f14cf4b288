-- One row per person: first and last contact of any source. What was retracted does not count, nor what
-- lies after its own record (a planned end, a mistyped year), nor a device clock that runs ahead of all
-- clinical data.
with
    facts as (
        select *
        from {{ ref("twin_fact") }}
        where
            person_id is not null
            and superseded_at is null
            and op <> 'retract'
            and domain not in ('family_history', 'device')
    ),

    links as (select * from {{ ref("twin_person_link") }}),

    samples as (
        select source_system, source_person_key, start_at, file_id from {{ ref("stg_wearables__sample") }}
    ),

    files as (
        select file_id, max(landed_at) as landed_at from {{ ref("stg_landing__file") }} group by file_id
    ),

    clinical_end as (select max(known_at) as ends_at from facts),

    fact_contacts as (
        select person_id, event_at as contact_at
        from facts
        where event_at <= known_at
        union all
        select person_id, event_end_at
        from facts
        where domain = 'encounter' and event_end_at <= known_at
    ),

    wearable_contacts as (
        select links.person_id, min(samples.start_at) as first_at, max(samples.start_at) as last_at
        from samples
        inner join
            links
            on links.source_system = samples.source_system
            and links.source_person_key = samples.source_person_key
            and links.id_type = 'account'
        left join files on files.file_id = samples.file_id
        cross join clinical_end
        where samples.start_at <= coalesce(clinical_end.ends_at, files.landed_at, samples.start_at)
        group by links.person_id
    ),

    contacts as (
        select person_id, min(contact_at) as first_at, max(contact_at) as last_at
        from fact_contacts
        group by person_id
        union all
        select person_id, first_at, last_at
        from wearable_contacts
    ),

    final as (
        select person_id, min(first_at) as first_observed_at, max(last_at) as last_observed_at
        from contacts
        group by person_id
    )

select *
from final
