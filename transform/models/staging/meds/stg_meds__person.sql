-- One row per subject of a dataset: birth, death and sex are events with codes of their own.
with
    raw as (select * from {{ source("meds", "meds_event") }}),

    codes as (select source, meds_code, role from {{ ref("stg_meds__code") }}),

    events as (
        select raw.*, codes.role
        from raw
        inner join codes on codes.source = raw.source and codes.meds_code = raw.code
    ),

    subjects as (
        select
            source,
            subject_id,
            min(time) filter (where role = 'birth') as birth_at,
            min(time) filter (where role = 'death') as death_at,
            min(lower(split_part(code, '//', 2))) filter (where role = 'sex') as sex,
            min(struct_pack(file_id := file_id, record_no := record_no)) as place
        from events
        group by source, subject_id
    )

-- the first of January is what converters write where they know the year only
select
    {{
        staged_person(
            {
                "source_table": "'meds_event'",
                "source_person_key": "subject_id",
                "birth_date": "case when strftime(birth_at, '%m-%d') <> '01-01' then birth_at end",
                "birth_date_text": "case when strftime(birth_at, '%m-%d') = '01-01' then strftime(birth_at, '%Y') else strftime(birth_at, '%Y-%m-%d') end",
                "sex": administrative_sex("sex"),
                "death_at": "death_at",
                "is_deceased": "case when death_at is not null then true end",
                "file_id": "place.file_id",
                "record_no": "place.record_no",
            }
        )
    }}
from subjects
