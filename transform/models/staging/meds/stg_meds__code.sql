-- One row per code of a dataset: what its parts mean. Codes of MEDS are free text; the seed lists the
-- families that common converters and our own export write, and the longest prefix wins. A code of no
-- family is an observation, coded by itself. The dataset's own codes.parquet adds standard codes.
with
    delivered as (select distinct source, code from {{ source("meds", "meds_event") }}),

    families as (select * from {{ ref("meds_code_family") }}),

    systems as (select alias, code_system from {{ ref("code_system") }}),

    -- in our own exports the part after the domain is always the system
    own as (select distinct source from {{ source("meds", "meds_dataset") }} where etl_name = 'human-twin'),

    items as (select cast(itemid as varchar) as itemid, loinc from {{ ref("mimic_iv_item_concept") }}),

    descriptions as (
        select source, code, min(description) as description, min(parent_codes) as parent_codes
        from {{ source("meds", "meds_code") }}
        group by source, code
    ),

    matched as (
        select
            delivered.source,
            delivered.code as meds_code,
            families.prefix,
            coalesce(families.domain, 'measurement') as domain,
            coalesce(families.role, 'event') as role,
            families.family,
            families.code_system as family_system,
            coalesce(families.has_unit, false) as has_unit,
            row_number() over (
                partition by delivered.source, delivered.code order by length(families.prefix) desc nulls last
            ) as rank_no
        from delivered
        left join
            families
            on delivered.code = families.prefix
            or starts_with(delivered.code, families.prefix || '//')
            or (
                families.prefix like '%/'
                and starts_with(delivered.code, families.prefix)
                and not starts_with(delivered.code, families.prefix || '/')
            )
    ),

    split as (
        select
            * exclude (rank_no),
            case
                when prefix is null
                then [meds_code]
                when prefix like '%/'
                then [substr(meds_code, length(prefix) + 1)]
                else string_split(substr(meds_code, length(prefix) + 3), '//')
            end as parts
        from matched
        where rank_no = 1
    ),

    parsed as (
        select
            split.*,
            systems.code_system as part_system,
            own.source is not null and len(split.parts) > 1 as is_own
        from split
        left join systems on systems.alias = lower(split.parts[1]) and len(split.parts) > 1
        left join own on own.source = split.source
    ),

    named as (
        select
            source,
            meds_code,
            domain,
            role,
            family,
            case
                when family_system is not null
                then family_system
                when part_system is not null
                then part_system
                when is_own
                then parts[1]
                when prefix = 'LAB' and regexp_full_match(parts[1], '5[0-3]\d{3}|22\d{4}')
                then 'mimic_iv_item'
                else 'local'
            end as code_system,
            case
                when part_system is not null or is_own
                then replace(parts[2], '%2F%2F', '//')
                when has_unit and len(parts) = 1 and prefix <> 'LAB'
                then prefix
                when has_unit
                then parts[1]
                else coalesce(nullif(array_to_string(parts, '//'), ''), meds_code)
            end as code,
            case
                when not has_unit
                then null
                when part_system is not null or is_own
                then parts[3]
                when len(parts) = 1 and prefix <> 'LAB'
                then parts[1]
                else parts[2]
            end as unit
        from parsed
    ),

    final as (
        select
            named.source,
            named.meds_code,
            named.domain,
            named.role,
            named.family,
            named.code_system,
            named.code,
            nullif(nullif(named.unit, 'UNK'), '') as unit,
            descriptions.description,
            items.loinc as item_loinc,
            nullif(trim(descriptions.parent_codes, '[]'), '') as parent_codes
        from named
        left join descriptions on descriptions.source = named.source and descriptions.code = named.meds_code
        left join items on named.code_system = 'mimic_iv_item' and items.itemid = named.code
    )

select *
from final
