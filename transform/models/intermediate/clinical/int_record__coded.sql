-- One row per delivered copy of a record and part. Of its codings the one that means a concept here is
-- kept, then the preferred system, then the order of the source. A digest of the content tells copies
-- apart.
{{ config(materialized="table") }}
{%- set copy_digest = (
    "hash(records.source_system, records.source_table, records.source_id, records.component, records.file_id,"
    " records.record_no)"
) %}
{%- set touched_records = touched_by_key(ref("int_record__unioned")) %}

with
    -- of touched people every record that ever was about them, with all its copies
    records as {% if in_increment() %} materialized
    {% else %} not materialized
    {% endif %}(
        select *
        from {{ ref("int_record__unioned") }} as copies
        {% if in_increment() %}
            where
                exists (
                    select 1
                    from {{ touched_records }} as theirs
                    where
                        theirs.source_system = copies.source_system
                        and theirs.source_table = copies.source_table
                        and theirs.source_id is not distinct from copies.source_id
                )
        {% endif %}
    ),

    codes as (select * from {{ ref("int_code__mapped") }}),

    -- only these are sorted; that digests may coincide does no harm
    with_several_codings as materialized(
        select {{ copy_digest }} as copy_digest from records group by 1 having count(*) > 1
    ),

    coded as (
        {% for which in ["not in", "in"] %}
            select
                records.*,
                codes.system_std,
                codes.concept,
                {% if which == "not in" %} 1
                {% else %}
                    row_number() over (
                        partition by
                            records.source_system,
                            records.source_table,
                            records.source_id,
                            records.component,
                            records.file_id,
                            records.record_no
                        order by
                            case when codes.concept is null then 1 else 0 end,
                            coalesce(codes.preference, 10),
                            records.code_no,
                            records.code
                    )
                {% endif %} as rank_no
            from records
            left join
                codes
                on codes.source_system = records.source_system
                and codes.code_system is not distinct from records.code_system
                and codes.code = records.code
            where {{ copy_digest }} {{ which }} (select copy_digest from with_several_codings)
            {% if not loop.last %}
                union all
            {% endif %}
        {% endfor %}
    ),

    final as (
        select
            domain,
            md5(
                concat_ws(
                    '|',
                    source_system,
                    source_table,
                    coalesce(source_id, '{{ var("null_marker") }}'),
                    component
                )
            ) as fact_key,
            md5(
                {{
                    digest(
                        [
                            "source_person_key",
                            "encounter_key",
                            "code_system",
                            "code",
                            "category",
                            "status",
                            "is_retracted",
                            "is_revision",
                            "value_num",
                            "comparator",
                            "value_text",
                            "value_code_system",
                            "value_code",
                            "unit_src",
                            "ref_low",
                            "ref_high",
                            "event_at",
                            "event_end_at",
                            "event_precision",
                            "recorded_at",
                        ]
                    )
                }}
            ) as content_hash,
            source_system,
            source_table,
            source_id,
            component,
            source_person_key,
            encounter_key,
            coalesce(system_std, code_system) as code_system,
            code,
            display,
            concept,
            category,
            status,
            is_retracted,
            is_revision,
            value_num,
            comparator,
            value_text,
            value_code_system,
            value_code,
            unit_src,
            ref_low,
            ref_high,
            event_at,
            event_end_at,
            event_precision,
            recorded_at,
            recorded_precision,
            updated_at,
            file_id,
            record_no
        from coded
        where rank_no = 1
    )

select *
from final
