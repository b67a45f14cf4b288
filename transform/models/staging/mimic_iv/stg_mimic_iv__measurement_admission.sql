-- One row per copy of an admission and answer that it carries: race as noted then, and where the person went.
{% for answer, (code, display, category, value, time) in {
    "race": ("32624-9", "Race", "demographics", "race", "admittime"),
    "discharge": (
        "55128-3",
        "Discharge disposition",
        "discharge",
        "discharge_location",
        "dischtime",
    ),
}.items() %}
    select
        {{
            mimic_iv_record(
                {
                    "source_table": "'mimic_iv_admissions'",
                    "source_id": "hadm_id",
                    "component": "'" ~ answer ~ "'",
                    "encounter_key": "hadm_id",
                    "code_system": "'loinc'",
                    "code": "'" ~ code ~ "'",
                    "display": "'" ~ display ~ "'",
                    "category": "'" ~ category ~ "'",
                    "value_text": value,
                },
                event=time,
            )
        }}
    from {{ source("mimic_iv", "mimic_iv_admissions") }}
    where {{ value }} is not null
    {% if not loop.last %}
        union all
    {% endif %}
{% endfor %}
