with
    links as (select * from {{ ref("int_identity__link") }}),

    final as (
        select
            source_system,
            source_person_key,
            id_type,
            person_id,
            method,
            cast(score as double) as score,
            known_from,
            known_to,
            review_status
        from links
    )

select *
from final
