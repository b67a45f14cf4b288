"""From a task to its cohort: who is eligible at each index date, what happened to them, and the attrition table."""

from __future__ import annotations

from datetime import datetime

import duckdb
import pyarrow as pa

from lake.sql import literal
from ml.task import Task

AS_OF = (
    "{f}.known_at <= {at} and ({f}.superseded_at is null or {f}.superseded_at > {at}) "
    "and coalesce({f}.op, 'insert') <> 'retract'"
)
"""Which version of a fact was known at a moment: exactly one or none per fact."""

_REASONS = (
    ("unknown_birth_date_or_sex", "birth date and sex known"),
    ("died_before_index", "alive at the index date"),
    ("age_out_of_range", "age in range"),
    ("other_sex", "sex that the task is about"),
    ("not_observed_in_lookback", "in contact with a source that records diagnoses, in the look-back"),
    ("prior_outcome", "no outcome or excluding condition known by the index date"),
    ("not_the_population", "the condition that the task is about known by the index date"),
    ("onset_before_index_recorded_later", "no onset before the index date that was recorded later"),
    ("no_followup", "observed after the index date"),
)
_TRAINING_ONLY = {"onset_before_index_recorded_later", "no_followup"}


def as_of(alias: str, at: str) -> str:
    """Return the SQL condition that the fact ``alias`` is the version known at ``at``."""
    return AS_OF.format(f=alias, at=at)


def build(connection: duckdb.DuckDBPyConnection, task: Task, cutoff: datetime) -> None:
    """Create the temp table ``cohort`` for training: every person at every scheduled index date.

    Columns: row_no (null when not eligible), person_id, index_at, age_years, sex, eligible,
    ineligible_reason, event_type [none|event|competing], event_at, exit_at, followup_days, split [train|test], fold.
    Follow-up is half-open, ``(index, index + horizon]``; it ends at the outcome, death, the last contact, the horizon
    or the cutoff, whichever is first. Full time at risk is never required.
    """
    _build(connection, task, task.index.dates(cutoff), cutoff, _training_rows(task))


def build_for_scoring(connection: duckdb.DuckDBPyConnection, task: Task, as_of_at: datetime) -> None:
    """Create the temp table ``cohort`` for scoring everyone at one date; uses nothing known after it."""
    _build(connection, task, [as_of_at], as_of_at, _scoring_rows(task), training=False)


def build_since(connection: duckdb.DuckDBPyConnection, task: Task, scored_at: datetime, cutoff: datetime) -> None:
    """Create the temp table ``cohort`` of everyone at a date that was scored, with what happened until ``cutoff``."""
    _build(connection, task, [scored_at], cutoff, _SCHEDULED)


def _build(
    connection: duckdb.DuckDBPyConnection,
    task: Task,
    dates: list[datetime],
    cutoff: datetime,
    index_rows: str,
    *,
    training: bool = True,
) -> None:
    low, high = task.eligibility.age_years
    sex, needed = task.eligibility.sex, task.eligibility.require_prior
    reasons = [reason for reason, _ in _REASONS if training or reason not in _TRAINING_ONLY]
    tests = {
        "unknown_birth_date_or_sex": "birth_date is null or sex not in ('male', 'female')",
        "died_before_index": "death_at <= index_at",
        "age_out_of_range": f"age_years < {low} or age_years >= {high}",
        "other_sex": f"sex <> '{sex}'" if sex else "false",
        "not_observed_in_lookback": "not is_observed",
        "prior_outcome": "has_prior",
        "not_the_population": "not has_required" if needed else "false",
        "onset_before_index_recorded_later": "onset_at <= index_at",
        "no_followup": "exit_at <= index_at",
    }
    cases = " ".join(f"when {tests[reason]} then '{reason}'" for reason in reasons)
    connection.execute(
        f"""
        create or replace temp table cohort as
        with
            index_row as ({index_rows}),
            contact as (
                {
            " union all ".join(
                f"select person_id, known_at from {name}"
                for name in ("twin_condition", "twin_medication", "twin_encounter")
            )
        }
            ),
            seen as (
                select f.person_id, i.index_at
                from contact as f
                inner join
                    index_row as i
                    on i.person_id = f.person_id
                    and f.known_at <= i.index_at
                    and f.known_at > i.index_at - to_days({task.eligibility.observed_within_days})
                group by all
            ),
            prior as (
                select c.person_id, i.index_at
                from twin_condition as c
                inner join index_row as i on i.person_id = c.person_id and {as_of("c", "i.index_at")}
                where list_contains($excluding, c.concept)
                group by all
                {_prior_result(task)}
            ),
            required as (
                select c.person_id, i.index_at
                from twin_condition as c
                inner join index_row as i on i.person_id = c.person_id and {as_of("c", "i.index_at")}
                where list_contains($required, c.concept)
                group by all
            ),
            happened as ({_happened(task)}),
            onset as (
                select i.person_id, i.index_at, min(h.event_at) as onset_at
                from index_row as i
                inner join happened as h on h.person_id = i.person_id
                {"where h.event_at > i.index_at" if task.outcome.recurrent else ""}
                group by all
            ),
            person as (
                select
                    p.person_id,
                    p.sex,
                    p.birth_date,
                    cast(p.death_date as timestamp) as death_at,
                    -- a known death ends follow-up as a death, though it comes after the last contact; long after it
                    -- nobody would have seen the outcome either, and follow-up ends at the contact
                    least(
                        case
                            when
                                p.death_date
                                <= p.last_observed_at + to_days({task.eligibility.observed_within_days})
                            then greatest(p.last_observed_at, cast(p.death_date as timestamp))
                            else p.last_observed_at
                        end,
                        $cutoff::timestamp
                    ) as last_at,
                    case
                        when md5_number_lower(p.person_id || ':split') % 10000 < {round(task.test_fraction * 10000)}
                        then 'test'
                        else 'train'
                    end as split,
                    cast(md5_number_lower(p.person_id || ':fold') % {task.folds} as bigint) as fold
                from twin_person as p
            ),
            timed as (
                select
                    p.*,
                    i.index_at,
                    date_diff('day', p.birth_date, cast(i.index_at as date)) / 365.25 as age_years,
                    o.onset_at,
                    s.person_id is not null as is_observed,
                    r.person_id is not null as has_prior,
                    q.person_id is not null as has_required,
                    least(
                        coalesce(o.onset_at, 'infinity'::timestamp),
                        coalesce(p.death_at, 'infinity'::timestamp),
                        greatest(p.last_at, case when o.onset_at <= $cutoff::timestamp then o.onset_at end),
                        i.index_at + to_days({task.horizon_days})
                    ) as exit_at
                from index_row as i
                inner join person as p on p.person_id = i.person_id
                left join onset as o on o.person_id = i.person_id and o.index_at = i.index_at
                left join seen as s on s.person_id = i.person_id and s.index_at = i.index_at
                left join prior as r on r.person_id = i.person_id and r.index_at = i.index_at
                left join required as q on q.person_id = i.person_id and q.index_at = i.index_at
            ),
            judged as (select *, case {cases} end as ineligible_reason from timed)
        select
            case
                when ineligible_reason is null
                then
                    row_number() over (
                        partition by ineligible_reason is null order by person_id, index_at
                    )
                    - 1
            end as row_no,
            person_id,
            index_at,
            age_years,
            sex,
            ineligible_reason is null as eligible,
            ineligible_reason,
            case
                when ineligible_reason is not null or {"false" if training else "true"} then null
                when onset_at = exit_at then 'event'
                when death_at = exit_at then 'competing'
                else 'none'
            end as event_type,
            case when event_type in ('event', 'competing') then exit_at end as event_at,
            case when ineligible_reason is null and {"true" if training else "false"} then exit_at end as exit_at,
            case
                when ineligible_reason is null and {"true" if training else "false"}
                then date_diff('second', index_at, exit_at) / 86400.0
            end as followup_days,
            split,
            fold
        from judged
        order by person_id, index_at
        """,
        {
            "dates": dates,
            "cutoff": cutoff,
            "outcome": list(task.outcome.concepts),
            "excluding": [*(() if task.outcome.recurrent else task.outcome.concepts), *task.eligibility.exclude_prior],
            "required": list(needed),
            "classes": list(task.outcome.encounters),
            "after": list(task.index.after),
        },
    )


_SCHEDULED = """
        select p.person_id, d.index_at
        from twin_person as p
        cross join (select unnest($dates::timestamp[]) as index_at) as d
        where len($after) >= 0
"""


def _training_rows(task: Task) -> str:
    """One row per person and index date: scheduled, or the end of each stay."""
    if not task.index.after:
        return _SCHEDULED
    last = f" and index_at < timestamp '{task.index.last}'" if task.index.last else ""
    return f"""
        select *
        from ({_ends()})
        where
            len($dates) >= 0 and index_at >= timestamp '{task.index.first}' and index_at < $cutoff::timestamp{last}
    """


def _scoring_rows(task: Task) -> str:
    """One row per person; of a task about stays, only who left within its horizon."""
    if not task.index.after:
        return _SCHEDULED
    recent = f"select person_id from ({_ends()}) where index_at > $cutoff::timestamp - to_days({task.horizon_days})"
    return f"{_SCHEDULED} and p.person_id in ({recent})"


def _ends() -> str:
    return f"""
        select e.person_id, greatest(e.event_end_at, e.known_at) as index_at
        from twin_encounter as e
        where
            list_contains($after, e.encounter_class)
            and e.event_end_at is not null
            and {as_of("e", "$cutoff::timestamp")}
        group by all
    """


def _happened(task: Task) -> str:
    """Every time the outcome was recorded, as known at the cutoff."""
    parts = [
        f"""
        select c.person_id, c.event_at
        from twin_condition as c
        where list_contains($outcome, c.concept) and {as_of("c", "$cutoff::timestamp")}
        """,
        f"""
        select e.person_id, e.event_at
        from twin_encounter as e
        where list_contains($classes, e.encounter_class) and {as_of("e", "$cutoff::timestamp")}
        """,
    ]
    if task.outcome.result:
        parts.append(
            f"""
        select m.person_id, m.event_at
        from twin_measurement as m
        where {_below(task)} and {as_of("m", "$cutoff::timestamp")}
        """
        )
    if task.outcome.death:
        parts.append(
            "select person_id, cast(death_date as timestamp) as event_at from twin_person where death_date is not null"
        )
    return " union all ".join(parts)


def _prior_result(task: Task) -> str:
    if not task.outcome.result or task.outcome.recurrent:
        return ""
    return f"""
                union
                select m.person_id, i.index_at
                from twin_measurement as m
                inner join index_row as i on i.person_id = m.person_id and {as_of("m", "i.index_at")}
                where {_below(task)} and m.event_at <= i.index_at
    """


def _below(task: Task) -> str:
    assert task.outcome.result is not None
    concept = literal(task.outcome.result.concept)
    implausible = "contains(coalesce(m.quality_flags, ''), 'implausible')"
    return f"m.concept = {concept} and m.value_std < {task.outcome.result.below} and not {implausible}"


def attrition(connection: duckdb.DuckDBPyConnection, task: Task) -> pa.Table:
    """Return how many person-index-dates remain after each eligibility step (columns of ``task_attrition``)."""
    counts = dict(
        connection.execute("select coalesce(ineligible_reason, ''), count(*) from cohort group by all").fetchall()
    )
    remaining = sum(counts.values())
    steps, left = ["person at a scheduled index date"], [remaining]
    for reason, step in _REASONS:
        remaining -= counts.get(reason, 0)
        steps.append(step)
        left.append(remaining)
    return pa.table(
        {"task": [task.name] * len(steps), "step_no": list(range(1, len(steps) + 1)), "step": steps, "n": left}
    )
