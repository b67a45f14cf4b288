{# Who a dump belongs to: the account it was delivered for. A dump without an account is a person of its own, #}
{# one per file: two people must never be merged because nobody said whose files these are. A file that tells people #}
{# apart itself names them in `subject`. #}
{% macro account_key(subject="null::varchar") -%}
    coalesce(coalesce(account || '/', '') || {{ subject }}, account, 'file:' || left(file_id, 16))
{%- endmacro %}

{# Mean of a sum of decimals, which, other than a sum of doubles, does not depend on the order of the rows; null #}
{# without values. #}
{% macro exact_avg(value) -%}
    round(cast(sum(cast({{ value }} as decimal(24, 6))) as double) / nullif(count({{ value }}), 0), 6)
{%- endmacro %}

{# Samples on the person's own clock. Local time comes from, in this order: the zone that the record names; for naive #}
{# local times the text itself; the record's own offset; the person's zone history; and only then the offset that an #}
{# export was written with, which is the phone's at export time, not the sample's. `samples` names a relation with #}
{# person_id, `history` that of zones. #}
{% macro on_own_clock(samples, history) -%}
    with
        accounts as (select * from {{ ref("int_wearable_zone__account") }}),

        -- an equality join with bounds costs a fraction of one that looks for the latest change before each
        -- sample
        history as (
            select
                *,
                lead(valid_from, 1, timestamp '9999-01-01') over (
                    partition by person_id order by valid_from
                ) as valid_to
            from {{ history }}
        ),

        zoned as (
            select
                samples.*,
                case
                    when samples.tz_source = 'metadata'
                    then samples.time_zone
                    when samples.tz_source = 'vendor_offset'
                    then null
                    when samples.tz_source = 'assumed_utc'
                    then coalesce(accounts.time_zone, history.time_zone)
                    else history.time_zone
                end as zone
            from {{ samples }} as samples
            left join
                accounts
                on accounts.source_system = samples.source_system
                and accounts.source_person_key = samples.source_person_key
            left join
                history
                on history.person_id = samples.person_id
                and samples.start_at >= history.valid_from
                and samples.start_at < history.valid_to
        ),

        placed as (
            select
                * exclude (start_at, end_at, time_zone, zone),
                zone as time_zone,
                case
                    when tz_source = 'assumed_utc' and zone is not null
                    then timezone('UTC', timezone(zone, start_at))
                    else start_at
                end as start_at,
                case
                    when tz_source = 'assumed_utc' and zone is not null
                    then timezone('UTC', timezone(zone, end_at))
                    else end_at
                end as end_at,
                case
                    when tz_source = 'assumed_utc'
                    then start_at
                    when zone is not null
                    then timezone(zone, cast(start_at as timestamptz))
                    else start_at + to_minutes(coalesce(utc_offset_min, 0))
                end as local_start_at,
                case
                    when tz_source = 'assumed_utc'
                    then end_at
                    when zone is not null
                    then timezone(zone, cast(end_at as timestamptz))
                    else end_at + to_minutes(coalesce(utc_offset_min, 0))
                end as local_end_at,
                case
                    when tz_source in ('metadata', 'vendor_offset')
                    then tz_source
                    when zone is not null
                    then 'person_history'
                    when tz_source = 'assumed_utc'
                    then 'local_text'
                    when utc_offset_min is not null
                    then 'export_offset'
                    else 'unknown'
                end as zone_basis
            from zoned
        )

    select *
    from placed
{%- endmacro %}

{# The days that an increment computes anew, one row per person; README, "Increments". #}
{% macro new_days() -%}
    (select distinct person_id, from_date from {{ ref("int_wearable_day__touched") }})
{%- endmacro %}

{# The rows of a relation that people with new days have; all of them in a whole build. With `day`, a condition on the #}
{# days, only those. #}
{% macro of_new_days(relation, day=none) -%}
    {%- set days = new_days() -%}
    {%- if in_increment() -%}
        (
            select relation.*
            from {{ relation }} as relation
            inner join
                {{ days }} as new_days on new_days.person_id = relation.person_id
                {% if day %} and {{ day }} {% endif %}
        )
    {%- else -%} {{ relation }}
    {%- endif -%}
{%- endmacro %}

{# incremental_strategy="by_day": the rows of new days are computed anew, also where none are left. `config(new_day=…)` #}
{# is the condition that a row is of such a day. Without it a row stands for all days of a person: those that the model #}
{# gives replace what is there, and people all of whose days are new lose what it does not give. #}
{% macro get_incremental_by_day_sql(arguments) -%}
    {%- set condition = config.get("new_day", none) -%}
    {%- set mine -%}
        {%- if condition -%}
            exists (
                select 1
                from {{ new_days() }} as new_days
                where new_days.person_id = relation.person_id and {{ condition }}
            )
        {%- else -%}
            relation.person_id in (
                select person_id from {{ arguments.temp_relation }}
                union all
                select person_id from {{ new_days() }} as new_days where from_date = date '1900-01-01'
            )
        {%- endif -%}
    {%- endset %}
    delete from {{ arguments.target_relation }} as relation
    where {{ mine }}
    ;
    {%- set theirs = "(select * from " ~ arguments.temp_relation ~ " as relation where " ~ mine ~ ")" %}
    {{ get_insert_into_sql(arguments.target_relation, theirs, arguments.dest_columns) }}
{%- endmacro %}
