-- One row per person: first and last contact of any source. A period counts with its start and its end;
-- what was retracted does not count, nor what lies after its own record, such as the planned end of a
-- prescription.
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

    accounts as (
        select
            source as source_system,
            account as source_person_key,
            start_at,
            coalesce(end_at, start_at) as end_at
        from {{ source("wearables", "wearable_sample") }}
    ),

    fact_contacts as (
        select person_id, event_at as contact_at
        from facts
        where event_at is not null
        union all
        select person_id, event_end_at
        from facts
        where domain = 'encounter' and event_end_at is not null
    ),

    wearable_contacts as (
        select links.person_id, min(accounts.start_at) as first_at, max(accounts.end_at) as last_at
        from accounts
        inner join
            links
            on links.source_system = accounts.source_system
            and links.source_person_key = accounts.source_person_key
            and links.id_type = 'account'
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
