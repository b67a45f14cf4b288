{{ config(materialized="incremental", incremental_strategy="by_file") }}
-- Every delivered copy of every clinical record, part and coding, of all sources and domains.
with
    final as (
        select 'measurement' as domain, *
        from {{ ref("int_measurement__unioned") }}
        union all
        select 'condition' as domain, *
        from {{ ref("int_condition__unioned") }}
        union all
        select 'medication' as domain, *
        from {{ ref("int_medication__unioned") }}
        union all
        select 'procedure' as domain, *
        from {{ ref("int_procedure__unioned") }}
        union all
        select 'encounter' as domain, *
        from {{ ref("int_encounter__unioned") }}
        union all
        select 'immunization' as domain, *
        from {{ ref("int_immunization__unioned") }}
        union all
        select 'allergy' as domain, *
        from {{ ref("int_allergy__unioned") }}
        union all
        select 'device' as domain, *
        from {{ ref("int_device__unioned") }}
        union all
        select 'family_history' as domain, *
        from {{ ref("int_family_history__unioned") }}
        union all
        select 'imaging_study' as domain, *
        from {{ ref("int_imaging_study__unioned") }}
        union all
        select 'report' as domain, *
        from {{ ref("int_report__unioned") }}
        union all
        select 'order' as domain, *
        from {{ ref("int_order__unioned") }}
        union all
        select 'not_done' as domain, *
        from {{ ref("int_not_done__unioned") }}
    )

select *
from final
where {{ is_of_changed_file() }}
