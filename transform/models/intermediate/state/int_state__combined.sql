-- One row per arrival of a measurement that completes a value of several: body mass index, LDL by
-- equation, insulin resistance, FIB-4. Each is computed from what was known at that moment, the newest of
-- every input; a value
-- that comes late and is older than what is known changes nothing here.
{{ config(materialized="table") }}

{%- set inputs = [
    "body_height",
    "body_weight",
    "total_cholesterol",
    "hdl_cholesterol",
    "triglycerides",
    "alt",
    "ast",
    "platelets",
    "fasting_glucose",
    "fasting_insulin",
] %}

{#- derived variable: its inputs, the oldest that they may be of each other in days, condition, formula -#}
{%- set derived = {
    "bmi_derived": (
        ["body_weight", "body_height"],
        3653,
        "body_height.value_num > 0",
        "body_weight.value_num / pow(body_height.value_num / 100, 2)",
    ),
    "ldl_friedewald": (
        ["total_cholesterol", "hdl_cholesterol", "triglycerides"],
        0,
        "triglycerides.value_num < 400",
        ldl_friedewald(
            "total_cholesterol.value_num", "hdl_cholesterol.value_num", "triglycerides.value_num"
        ),
    ),
    "ldl_sampson": (
        ["total_cholesterol", "hdl_cholesterol", "triglycerides"],
        0,
        "triglycerides.value_num <= 800",
        ldl_sampson(
            "total_cholesterol.value_num", "hdl_cholesterol.value_num", "triglycerides.value_num"
        ),
    ),
    "homa_ir": (
        ["fasting_glucose", "fasting_insulin"],
        0,
        "fasting_glucose.value_num > 0",
        homa_ir("fasting_glucose.value_num", "fasting_insulin.value_num"),
    ),
    "fib4": (
        ["ast", "alt", "platelets"],
        183,
        "age >= 18 and alt.value_num > 0 and platelets.value_num > 0",
        fib4("age", "ast.value_num", "alt.value_num", "platelets.value_num"),
    ),
} %}

with
    evidence as (
        select * from {{ ref("int_state__evidence") }} where variable in ('{{ inputs | join("', '") }}')
    ),

    -- the newest of every input as it was known when this one arrived
    arrivals as (
        select
            person_id,
            variable,
            event_at,
            known_at,
            {% for input in inputs %}
                max(
                    case
                        when variable = '{{ input }}'
                        then
                            {
                                'event_at':event_at,
                                'known_at':known_at,
                                'version':version,
                                'fact_key':fact_key,
                                'value_num':value_num,
                                'superseded_at':superseded_at
                            }
                    end
                ) over known_order as {{ input }}
                {%- if not loop.last %},{% endif %}
            {% endfor %}
        from evidence
        window
            known_order as (
                partition by person_id
                order by known_at, event_at, fact_key, version
                rows between unbounded preceding and current row
            )
    ),

    aged as (
        select arrivals.*, {{ age_at("people", "arrivals.event_at") }} as age
        from arrivals
        inner join {{ ref("twin_person") }} as people on people.person_id = arrivals.person_id
    ),

    computed as (
        {% for variable in derived %}
            {%- set needed, days, condition, formula = derived[variable] %}
            select
                person_id,
                '{{ variable }}' as variable,
                {{ formula }} as value_num,
                greatest(
                    {% for one in needed %}{{ one }}.event_at{% if not loop.last %}, {% endif %} {% endfor %}
                ) as valid_from,
                known_at as known_from,
                least(
                    {% for one in needed %}
                        {{ one }}.superseded_at{% if not loop.last %}, {% endif %}
                    {% endfor %}
                ) as known_to,
                [
                    {% for one in needed %}{{ one }}.fact_key{% if not loop.last %}, {% endif %} {% endfor %}
                ] as inputs
            from aged
            where
                variable in ('{{ needed | join("', '") }}')
                {%- for one in needed %}
                    and {{ one }} is not null and (variable <> '{{ one }}' or {{ one }}.event_at = event_at)
                {%- endfor %}
                and date_diff(
                    'day',
                    least(
                        {% for one in needed %}
                            {{ one }}.event_at{% if not loop.last %}, {% endif %}
                        {% endfor %}
                    ),
                    greatest(
                        {% for one in needed %}
                            {{ one }}.event_at{% if not loop.last %}, {% endif %}
                        {% endfor %}
                    )
                )
                <= {{ days }}
                and {{ condition }}
            {% if not loop.last %}
                union all
            {% endif %}
        {% endfor %}
    ),

    -- of inputs that arrive at the same time the last one completes the value
    final as (
        select *
        from computed
        where value_num is not null and (known_to is null or known_to > known_from)
        qualify
            row_number() over (partition by person_id, variable, valid_from, known_from order by inputs desc)
            = 1
    )

select *
from final
