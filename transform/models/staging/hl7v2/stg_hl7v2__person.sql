-- One row per patient identification segment (PID), and per record that a merge gives up (MRG of A18,
-- A30, A34, A36, A39, A40, A46, A47), each with what is known of the patient by then: an empty field
-- says nothing new.
{% set deletable = [
    "national_id",
    "family",
    "given",
    "birth_date",
    "sex",
    "deceased_flag",
    "phone",
    "email",
    "address_line",
    "city",
    "postal_code",
] %}
{% set kept = ["mrn", "mrn_authority", "birth_date_iso", "deceased_at_iso", "replaced_by"] %}

with
    said as (
        select
            * replace (coalesce(phone, phone_unformatted, '(' || phone_area || ')' || phone_local) as phone),
            'hl7v2_person' as source_table,
            patient_id as person_key,
            case when trigger_event = 'A29' then false end as is_active
        from {{ source("hl7v2", "hl7v2_person") }}
        union all by name
        select
            source,
            'hl7v2_merge' as source_table,
            prior_patient_id as person_key,
            prior_id as mrn,
            prior_authority as mrn_authority,
            patient_id as replaced_by,
            false as is_active,
            message_time_iso,
            file_id,
            record_no
        from {{ source("hl7v2", "hl7v2_merge") }}
        where
            prior_patient_id is not null
            and prior_patient_id <> patient_id
            and trigger_event in ('A18', 'A30', 'A34', 'A36', 'A39', 'A40', 'A46', 'A47')
    ),

    timed as (select *, {{ time_start("message_time_iso") }} as message_at from said),

    carried as (
        select
            source,
            source_table,
            person_key,
            {% for column in kept %}
                last_value({{ column }} ignore nulls) over known as {{ column }},
            {% endfor %}
            -- two quotes: the source deleted the value
            {% for column in deletable %}
                nullif(last_value({{ column }} ignore nulls) over known, '""') as {{ column }},
            {% endfor %}
            is_active,
            message_at,
            file_id,
            record_no
        from timed
        window
            known as (
                partition by source, person_key
                order by message_at nulls first, file_id, record_no
                rows between unbounded preceding and current row
            )
    )

select
    {{
        staged_person(
            {
                "source_table": "source_table",
                "source_person_key": "person_key",
                "mrn": "mrn",
                "mrn_system": hl7_issuer("mrn_authority"),
                "national_id": "national_id",
                "family": "family",
                "given": "given",
                "birth_date": hl7_date("birth_date_iso"),
                "birth_date_text": "birth_date",
                "sex": administrative_sex("sex"),
                "death_at": time_start("deceased_at_iso"),
                "is_deceased": "case when upper(deceased_flag) = 'Y' or deceased_at_iso is not null then true when upper(deceased_flag) = 'N' then false end",
                "phone": "phone",
                "email": "email",
                "address_line": "address_line",
                "city": "city",
                "postal_code": "postal_code",
                "replaced_by": "replaced_by",
                "is_active": "is_active",
                "updated_at": "message_at",
            }
        )
    }}
from carried
