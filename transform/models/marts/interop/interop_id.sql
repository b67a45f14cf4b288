-- One row per key: its stable integer. A hash of the key, unless another key has that number. The CDM's
-- columns are
-- 32 bits wide, so people and events share 1 … 1,999,999,999, and what the site codes itself lies from
-- 2,000,000,001 on, as OMOP reserves.
with
    keys as (select distinct kind, key, id from {{ interop_keys() }} as keys),

    moved as (select * from {{ here(ref("interop_id_moved")) }}),

    final as (
        select keys.kind, keys.key, coalesce(moved.id, keys.id) as id
        from keys
        left join moved on moved.kind = keys.kind and moved.key = keys.key
    )

select *
from final
