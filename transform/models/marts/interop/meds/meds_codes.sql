-- One row per code of the export, with its name and the code of the standard vocabulary that it stands for.
with
    facts as (select * from {{ here(ref("interop_fact")) }}),

    data as (select distinct code from {{ here(ref("meds_data")) }}),

    codings as (
        select vocabulary_id, code, min(display) as display
        from facts
        where code is not null
        group by vocabulary_id, code
    ),

    split as (select code, string_split(code, '//') as parts from data),

    final as (
        select
            split.code,
            case
                split.code
                when 'MEDS_BIRTH'
                then 'Birth'
                when 'MEDS_DEATH'
                then 'Death'
                else coalesce(codings.display, split.parts[3], split.parts[2])
            end as description,
            case
                when codings.code is not null and codings.vocabulary_id not like 'local:%'
                then [codings.vocabulary_id || '/' || codings.code]
                else cast([] as varchar[])
            end as parent_codes
        from split
        left join
            codings
            on codings.vocabulary_id = split.parts[2]
            and codings.code = replace(split.parts[3], '%2F%2F', '//')
    )

select *
from final
