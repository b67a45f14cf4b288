{# Rules of data quality, as data. Each counts rows of one table: `of` says which rows can break the rule (default all),
   `fails` which do. Categories after Kahn 2016 (doi:10.13063/2327-9214.1244). `most`: per cent of rows that may fail;
   severity error: numbers that rest on such rows are wrong; warning: look at the source; info: good to know. #}
{% macro dq_rules() -%}
    {%- set rules = {
        "twin_fact": [
            [
                "unit_known",
                "conformance",
                "warning",
                "unit_src",
                1,
                "domain= 'measurement' and unit_src is not null",
                "quality_flags like '%unit_unknown%' or quality_flags like '%unit_unconvertible%'",
                "The unit can be converted to that of the concept.",
            ],
            [
                "unit_present",
                "conformance",
                "warning",
                "unit_src",
                1,
                "domain= 'measurement' and value_num is not null",
                "quality_flags like '%unit_missing%'",
                "A number that needs a unit has one.",
            ],
            [
                "code_wellformed",
                "conformance",
                "warning",
                "code",
                0.1,
                "code is not null",
                "quality_flags like '%code_invalid%'",
                "Check digit and form of the code are right.",
            ],
            [
                "code_system_known",
                "conformance",
                "info",
                "code_system",
                5,
                "code is not null",
                "code_system is null",
                "The code says of which system it is.",
            ],
            [
                "concept_known",
                "conformance",
                "info",
                "concept",
                50,
                "domain in ('measurement', 'condition', 'medication')",
                "concept is null",
                "The code means something to this platform.",
            ],
            [
                "number_is_number",
                "conformance",
                "warning",
                "value_num",
                0.5,
                "domain= 'measurement'",
                "quality_flags like '%value_not_numeric%'",
                "What should be a number is one.",
            ],
            [
                "person_known",
                "conformance",
                "error",
                "person_id",
                1,
                "true",
                "person_id is null",
                "The fact belongs to a known person.",
            ],
            [
                "encounter_known",
                "conformance",
                "warning",
                "encounter_key",
                5,
                "encounter_key is not null and domain <> 'encounter'",
                "not encounter_is_known",
                "The encounter that the fact refers to was delivered.",
            ],
            [
                "ends_after_start",
                "conformance",
                "error",
                "event_end_at",
                0.1,
                "event_end_at is not null",
                "event_end_at < event_at or quality_flags like '%ends_before_start%'",
                "No period ends before it starts.",
            ],
            [
                "time_present",
                "completeness",
                "error",
                "event_at",
                1,
                "domain not in ('device', 'allergy')",
                "event_at is null",
                "It is known when it was true.",
            ],
            [
                "known_time_recorded",
                "completeness",
                "info",
                "known_at",
                50,
                "true",
                "coalesce(known_basis, '') <> 'recorded'",
                "The source says when it could be known; else a rule does.",
            ],
            [
                "code_present",
                "completeness",
                "warning",
                "code",
                5,
                "domain <> 'family_history'",
                "code is null",
                "The fact is coded.",
            ],
            [
                "value_present",
                "completeness",
                "warning",
                "value_num",
                5,
                "domain= 'measurement' and op <> 'retract' and concept is not null",
                "value_num is null and value_text is null and value_code is null",
                "A measurement has a value.",
            ],
            [
                "value_plausible",
                "plausibility",
                "warning",
                "value_std",
                0.5,
                "domain= 'measurement' and value_num is not null",
                "quality_flags like '%implausible%'",
                "The value lies within the limits of its concept.",
            ],
            [
                "not_before_birth",
                "plausibility",
                "error",
                "event_at",
                0.1,
                "birth_date is not null and event_at is not null",
                "event_at < birth_date",
                "Nothing happens before birth.",
            ],
            [
                "not_long_after_death",
                "plausibility",
                "warning",
                "event_at",
                0.1,
                "death_date is not null and event_at is not null",
                "event_at > death_date + interval 60 day",
                "Nothing happens later than 60 days after death.",
            ],
            [
                "not_in_the_future",
                "plausibility",
                "info",
                "event_at",
                0.1,
                "event_at is not null and ingested_at is not null and domain not in ('order', 'medication')",
                "event_at > ingested_at + interval 1 day",
                "Nothing happens after it was delivered; where dates are shifted everything does.",
            ],
            [
                "known_after_event",
                "plausibility",
                "warning",
                "known_at",
                1,
                "event_at is not null and known_at is not null",
                "quality_flags like '%known_before_event%'",
                "Nothing was known before it happened.",
            ],
            [
                "said_once",
                "plausibility",
                "info",
                "value_num",
                5,
                "domain= 'measurement'",
                "quality_flags like '%duplicate_value%'",
                "The same value of one moment comes from one record.",
            ],
        ],
        "twin_person": [
            [
                "birth_date_present",
                "completeness",
                "warning",
                "birth_date",
                5,
                "true",
                "birth_date is null",
                "The birth date is complete.",
            ],
            [
                "sex_present",
                "completeness",
                "warning",
                "sex",
                5,
                "true",
                "sex = 'unknown'",
                "The sex is known.",
            ],
            [
                "region_present",
                "completeness",
                "info",
                "region_id",
                20,
                "true",
                "region_id is null",
                "The region is known.",
            ],
            [
                "age_plausible",
                "plausibility",
                "error",
                "birth_date",
                0.1,
                "birth_date is not null and coalesce(death_date, last_observed_at) is not null",
                "date_diff('year', birth_date, coalesce(death_date, last_observed_at)) not between 0 and 120",
                "Nobody is older than 120 years or was seen before birth.",
            ],
        ],
        "twin_wearable_day": [
            [
                "wear_time_plausible",
                "plausibility",
                "error",
                "wear_minutes",
                0.1,
                "wear_minutes is not null",
                "wear_minutes not between 0 and 1560",
                "A day is worn for no more than it has minutes (25 hours when clocks change).",
            ],
            [
                "steps_plausible",
                "plausibility",
                "warning",
                "steps",
                0.5,
                "steps is not null",
                "steps not between 0 and 100000",
                "Steps of a day are possible.",
            ],
            [
                "sleep_plausible",
                "plausibility",
                "warning",
                "sleep_minutes",
                1,
                "sleep_minutes is not null",
                "sleep_minutes not between 0 and 1440",
                "Sleep of a day is possible.",
            ],
        ],
        "twin_genome_sample": [
            [
                "sex_agrees",
                "plausibility",
                "error",
                "sex_check",
                2,
                "sex_check is not null",
                "sex_check = 'disagrees'",
                "Sex by genotype is that of the record: else two people may be mixed up.",
            ],
            [
                "call_rate_high",
                "completeness",
                "warning",
                "call_rate",
                5,
                "call_rate is not null",
                "call_rate < 0.95",
                "Nineteen of twenty positions are called.",
            ],
        ],
    } -%}
    {{ return(rules) }}
{%- endmacro %}

{# How many rows of a table each of its rules looks at, and how many break it. #}
{% macro dq_counts(table) -%}
    {%- for name, category, severity, column, most, of, fails, must_hold in dq_rules()[table] %}
        count(*) filter (where {{ of }}) as {{ name }}_total,
        count(*) filter (where ({{ of }}) and ({{ fails }})) as {{ name }}_failed
        {%- if not loop.last %},{% endif %}
    {%- endfor %}
{%- endmacro %}

{# The same by source: facts are counted by person, so that an increment looks at touched people's. #}
{% macro dq_counts_by_source(table) -%}
    {%- if table == "twin_fact" -%}
        select
            source_system,
            {%- for rule in dq_rules()[table] %}
                {%- set name = rule[0] %}
                cast(sum({{ name }}_total) as bigint) as {{ name }}_total,
                cast(sum({{ name }}_failed) as bigint) as {{ name }}_failed
                {%- if not loop.last %},{% endif %}
            {%- endfor %}
        from {{ ref("int_fact__checked") }}
        group by source_system
    {%- elif table == "twin_genome_sample" -%}
        select source_system, {{ dq_counts(table) }} from {{ ref(table) }} group by source_system
    {%- else -%} select 'all' as source_system, {{ dq_counts(table) }} from {{ ref(table) }}
    {%- endif -%}
{%- endmacro %}
