-- One row per visit segment (PV1), each with what is known of the visit by then: in HL7 v2 an empty
-- field says nothing new, so the last value stands; a cancelled discharge (A13) takes the end away.
with
    raw as (
        select
            *,
            coalesce(visit_key, concat_ws('~', patient_id, admitted_at)) as visit,
            coalesce(event_at_iso, event_recorded_at_iso, message_time_iso) as happened_iso,
            coalesce(
                discharged_at_iso, case when trigger_event = 'A03' then happened_iso end
            ) as stated_end_iso,
            case
                when message_code <> 'ADT'
                then null
                when trigger_event in ('A01', 'A02', 'A04', 'A06', 'A07', 'A13', 'A22')
                then 'in-progress'
                when trigger_event = 'A03'
                then 'finished'
                when trigger_event in ('A05', 'A14')
                then 'planned'
                when trigger_event in ('A11', 'A23', 'A27', 'A38')
                then 'cancelled'
                when trigger_event = 'A21'
                then 'onleave'
            end as state
        from {{ source("hl7v2", "hl7v2_visit") }}
        -- a segment that names neither a visit nor a time of admission speaks of none
        where visit_key is not null or nullif(admitted_at, '""') is not null
    ),

    ordered as (
        select
            *,
            {{ time_start("message_time_iso") }} as message_at,
            count(case when trigger_event = 'A13' then 1 end) over visits as n_discharges_cancelled
        from raw
        window
            visits as (
                partition by source, patient_id, visit
                order by {{ time_start("message_time_iso") }} nulls first, file_id, record_no
                rows between unbounded preceding and current row
            )
    ),

    carried as (
        select
            * exclude (patient_class, facility, state),
            last_value(nullif(patient_class, '""') ignore nulls) over visits as patient_class,
            coalesce(
                last_value(admitted_at_iso ignore nulls) over visits,
                first_value(
                    case when trigger_event in ('A01', 'A04') then happened_iso end ignore nulls
                ) over visits
            ) as start_iso,
            last_value(facility ignore nulls) over visits as facility,
            last_value(state ignore nulls) over visits as state,
            last_value(stated_end_iso ignore nulls) over stays as end_iso
        from ordered
        window
            visits as (
                partition by source, patient_id, visit
                order by message_at nulls first, file_id, record_no
                rows between unbounded preceding and current row
            ),
            stays as (
                partition by source, patient_id, visit, n_discharges_cancelled
                order by message_at nulls first, file_id, record_no
                rows between unbounded preceding and current row
            )
    )

select
    {{
        staged_record(
            {
                "source_table": "'hl7v2_visit'",
                "source_id": "visit",
                "source_person_key": "patient_id",
                "encounter_key": "visit",
                "display": "hospital_service",
                "category": "case patient_class when 'I' then 'IMP' when 'O' then 'AMB' when 'E' then 'EMER' when 'P' then 'PRENC' else patient_class end",
                "status": "case when state = 'in-progress' and end_iso is not null then 'finished' else coalesce(state, 'unknown') end",
                "is_retracted": "coalesce(state = 'cancelled', false)",
                "is_revision": "coalesce(trigger_event = 'A13', false)",
                "value_text": "facility",
                "updated_at": "message_at",
            },
            event="start_iso",
            text="coalesce(admitted_at, start_iso)",
            end="end_iso",
        )
    }}
from carried
