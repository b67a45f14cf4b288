-- Every person key that any source uses, also of sources that say nothing else about the person: records
-- of patients without a patient record, device accounts without an account list, samples without a sample
-- sheet.
{% if var("only_person_lists") %}
    -- the lists name every key
    select source_system, source_person_key, id_type from {{ ref("stg_extract__person") }}
{% else %}
    with
        record_keys as (
            select source_system, source_person_key, 'mrn' as id_type from {{ ref("int_record__unioned") }}
        ),

        account_keys as (
            select distinct source_system, source_person_key, 'account' as id_type
            from {{ ref("stg_wearables__sample") }}
            union all
            select distinct source_system, source_person_key, 'account'
            from {{ ref("stg_wearables__workout") }}
            union all
            select distinct source_system, source_person_key, 'account'
            from {{ ref("stg_wearables__alarm") }}
            union all
            select distinct source_system, source_person_key, 'account'
            from {{ ref("stg_wearables__profile") }}
        ),

        sample_keys as (
            select source as source_system, sample as source_person_key, 'sample' as id_type
            from {{ source("genomics", "genome_sample") }}
        ),

        final as (
            select source_system, source_person_key, id_type
            from record_keys
            where source_person_key is not null
            union
            select source_system, source_person_key, id_type
            from account_keys
            where source_person_key is not null
            union
            select source_system, source_person_key, id_type
            from sample_keys
            where source_person_key is not null
        )

    select *
    from final
{% endif %}
