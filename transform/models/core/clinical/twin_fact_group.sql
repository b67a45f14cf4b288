with
    groups as (select * from {{ ref("int_group__unioned") }}),

    final as (
        select distinct
            md5(
                concat_ws(
                    '|',
                    source_system,
                    source_table,
                    coalesce(source_id, '{{ var("null_marker") }}'),
                    component
                )
            ) as fact_key,
            group_kind,
            group_key,
            source_system
        from groups
    )

select *
from final
