-- One row per source, domain and category of measurement: of what happened in the last three hours before a
-- day in hospital was over,
-- how much was not known yet. Features by event time would have used it: this is the leak that
-- `known_at <= T` closes.
with
    final as (
        select
            source_system,
            domain,
            category,
            cast(count(distinct encounter_key) as bigint) as n_encounters,
            cast(
                count(distinct case when n_not_known_yet > 0 then encounter_key end) as bigint
            ) as n_encounters_with_leak,
            cast(sum(n_facts) as bigint) as n_facts,
            cast(sum(n_not_known_yet) as bigint) as n_not_known_yet,
            cast(round(100.0 * sum(n_not_known_yet) / sum(n_facts), 1) as double) as not_known_yet_percent
        from {{ ref("int_stay__leak") }}
        group by source_system, domain, category
    )

select *
from final
