"""Compile a feature set to SQL. Every query reads only versions known at the index date and events up to it.

Each query inserts rows (row_no, feature_no, value, event_at, known_at) for the eligible rows of ``cohort``: one row per
value that exists. What is not known has no row; that is how absence stays different from zero.
"""

from __future__ import annotations

from collections import defaultdict

from lake.sql import literal
from ml.cohort import as_of
from ml.features import spec

_STATS = {
    "last": "arg_max(value, (event_at, value)) {f}",
    "mean": "avg(value) {f}",
    "min": "min(value) {f}",
    "max": "max(value) {f}",
    "slope": "case when max(event_at) {f} - min(event_at) {f} >= interval 182 days "
    "then regr_slope(value, epoch(event_at) / 31557600.0) {f} end",
    "count": "count(value) {f}",
    "days_since": "date_diff('second', max(event_at) {f}, any_value(index_at)) / 86400.0",
}


def queries(feature_set: spec.FeatureSet) -> list[str]:
    """Return the queries of a set, in any order; derived features are not SQL (see ``ml.features.build``)."""
    numbers = {column.name: number for number, column in enumerate(feature_set.columns)}
    measurements, wearables = [], []
    found = []
    for one in feature_set.features:
        columns = [(numbers[column.name], column) for column in one.columns()]
        match one:
            case spec.Demographic():
                found.append(_demographic(one, columns[0][0]))
            case spec.Measurement():
                measurements.append((one, columns))
            case spec.Wearable():
                wearables.append((one, columns))
            case spec.GenomeScore():
                found.append(_genome_score(one, columns[0][0]))
            case spec.GenomeMarker():
                found.append(_genome_marker(one, columns[0][0]))
            case spec.Environment():
                found.extend(
                    _environment(one, days, number) for days, (number, _) in zip(one.days, columns, strict=True)
                )
            case spec.Medication():
                found.append(_medication(one, columns[0][0]))
            case spec.Condition():
                found.append(_condition(one, columns[0][0]))
            case spec.ConditionCount():
                found.append(_condition_count(one, columns[0][0]))
            case spec.FamilyHistory():
                found.append(_family_history(one, columns[0][0]))
    if measurements:
        found.append(_measurements(measurements))
    found.extend(_wearable(one, columns) for one, columns in wearables)
    return found


def _texts(values: tuple[str, ...]) -> str:
    return "(" + ", ".join(map(literal, values)) + ")"


def _windowed(
    one: spec.Measurement | spec.Wearable, columns: list[tuple[int, spec.Column]]
) -> list[tuple[str, int, int]]:
    """Return (stat, days, feature number) of a declaration, in the order of its columns."""
    pairs = [(stat, days) for stat, windows in one.stats.items() for days in windows]
    return [(stat, days, number) for (stat, days), (number, _) in zip(pairs, columns, strict=True)]


def _measurements(declared: list[tuple[spec.Measurement, list[tuple[int, spec.Column]]]]) -> str:
    """All measurement features in one pass over the facts: aggregate per concept and window, then one row per value."""
    needed: dict[str, set[tuple[str, int]]] = defaultdict(set)
    targets: list[tuple[str, str, int, int]] = []
    mapped, longest = [], []
    for one, columns in declared:
        for stat, days, number in _windowed(one, columns):
            needed[f"{stat}_{days}"].add((stat, days))
            targets.append((one.concept, stat, days, number))
        if one.map:
            whens = " ".join(
                f"when lower(m.value_text) = {literal(key.lower())} or m.value_code = {literal(key)} then {value}"
                for key, value in one.map.items()
            )
            mapped.append(f"when m.concept = {literal(one.concept)} then case {whens} end")
        longest.append((one.concept, max(days for windows in one.stats.values() for days in windows)))
    value = f"case {' '.join(mapped)} else m.value_std end" if mapped else "m.value_std"
    windows = sorted({days for _, _, days, _ in targets})
    aggregates = [
        f"{_STATS[stat].format(f=_filter(days))} as {stat}_{days}"
        for stat, days in sorted({s for v in needed.values() for s in v})
    ]
    for days in windows:
        aggregates.append(f"max(event_at) {_filter(days)} as event_{days}")
        aggregates.append(f"max(known_at) {_filter(days)} as known_{days}")
    unnested = ", ".join(
        f"({literal(concept)}, {literal(f'{stat}_{days}')}, {number})" for concept, stat, days, number in targets
    )
    pieces = " ".join(
        f"when '{stat}_{days}' then {stat}_{days}" for stat, days in sorted({s for v in needed.values() for s in v})
    )
    events = " ".join(f"when {days} then event_{days}" for days in windows)
    knowns = " ".join(f"when {days} then known_{days}" for days in windows)
    return f"""
        with
            reach (concept, days) as (values {", ".join(f"({literal(c)}, {d})" for c, d in longest)}),
            target (concept, statistic, feature_no) as (values {unnested}),
            fact as (
                select
                    c.row_no,
                    c.index_at,
                    m.concept,
                    {value} as value,
                    m.event_at,
                    m.known_at
                from cohort as c
                inner join twin_measurement as m on m.person_id = c.person_id
                inner join reach as r on r.concept = m.concept
                where
                    c.eligible
                    and {as_of("m", "c.index_at")}
                    and m.event_at <= c.index_at
                    and m.event_at > c.index_at - to_days(r.days)
                    and not contains(coalesce(m.quality_flags, ''), 'implausible')
            ),
            summary as (
                select row_no, concept, {", ".join(aggregates)}
                from fact
                where value is not null
                group by row_no, concept
            ),
            valued as (
                select
                    s.row_no,
                    t.feature_no,
                    case t.statistic {pieces} end as value,
                    case cast(string_split(t.statistic, '_')[-1] as integer) {events} end as event_at,
                    case cast(string_split(t.statistic, '_')[-1] as integer) {knowns} end as known_at
                from summary as s
                inner join target as t using (concept)
            )
        select * from valued where value is not null
    """


def _filter(days: int) -> str:
    return f"filter (where event_at > index_at - to_days({days}))"


def _wearable(one: spec.Wearable, columns: list[tuple[int, spec.Column]]) -> str:
    """A day counts once it was known and over: the last hours of the index date's own day are not in."""
    parts = []
    for stat, days, number in _windowed(one, columns):
        summary = _STATS[stat].format(f="")
        parts.append(
            f"""
            select
                row_no,
                {number} as feature_no,
                cast({summary} as double) as value,
                max(event_at) as event_at,
                max(known_at) as known_at
            from day
            where event_at > index_at - to_days({days})
            group by row_no
            having count(*) >= {one.min_days}
            """
        )
    longest = max(days for windows in one.stats.values() for days in windows)
    return f"""
        with
            day as (
                select
                    c.row_no,
                    c.index_at,
                    cast(w."{one.column}" as double) as value,
                    cast(w.local_date as timestamp) as event_at,
                    w.known_at
                from cohort as c
                inner join twin_wearable_day as w on w.person_id = c.person_id
                where
                    c.eligible
                    and w."{one.column}" is not null
                    and w.known_at <= c.index_at
                    and w.local_date < cast(c.index_at as date)
                    and w.local_date > cast(c.index_at as date) - {longest}
            )
        {" union all ".join(parts)}
    """


def _demographic(one: spec.Demographic, number: int) -> str:
    value = "age_years" if one.field == "age_years" else "case sex when 'male' then 1.0 when 'female' then 0.0 end"
    return f"""
        select row_no, {number} as feature_no, {value} as value, index_at as event_at, index_at as known_at
        from cohort
        where eligible and ({value}) is not null
    """


def _genome_score(one: spec.GenomeScore, number: int) -> str:
    order = " ".join(f"when {literal(name)} then {rank}" for rank, name in enumerate(one.scores))
    return f"""
        select
            c.row_no,
            {number} as feature_no,
            arg_min(g.z, (case g.pgs_id {order} end, g.z)) as value,
            max(g.known_at) as event_at,
            max(g.known_at) as known_at
        from cohort as c
        inner join twin_genome_score as g on g.person_id = c.person_id
        where
            c.eligible
            and g.pgs_id in {_texts(one.scores)}
            and g.z is not null
            and g.status = 'ok'
            and g.known_at <= c.index_at
        group by c.row_no
    """


def _genome_marker(one: spec.GenomeMarker, number: int) -> str:
    value = " ".join(f"when {literal(key)} then {number_}" for key, number_ in one.map.items())
    return f"""
        select
            c.row_no,
            {number} as feature_no,
            max(case g.value {value} end) as value,
            max(g.known_at) as event_at,
            max(g.known_at) as known_at
        from cohort as c
        inner join twin_genome_marker as g on g.person_id = c.person_id
        where c.eligible and g.marker = {literal(one.marker)} and g.known_at <= c.index_at
        group by c.row_no
        having value is not null
    """


def _environment(one: spec.Environment, days: int, number: int) -> str:
    """The mean over the days of the window, each where the person lived that day; it counts from the next day on.

    Sums up to a day are taken once per region, and a stay in a region is the difference of two of them.
    """
    return f"""
        with
            summed as (
                select
                    region_id,
                    date,
                    sum("{one.parameter}") over upto as total,
                    row_number() over upto as days
                from environment_day
                where "{one.parameter}" is not null
                window upto as (partition by region_id order by date)
            ),
            stay as (
                select
                    c.row_no,
                    h.region_id,
                    greatest(h.valid_from, cast(c.index_at as date) - {days}) as since,
                    least(coalesce(h.valid_to, cast(c.index_at as date)), cast(c.index_at as date)) as until
                from cohort as c
                inner join twin_person_home as h on h.person_id = c.person_id
                where c.eligible and since < until
            ),
            exposure as (
                select
                    s.row_no,
                    sum(e.total - coalesce(b.total, 0)) as total,
                    sum(e.days - coalesce(b.days, 0)) as days,
                    max(e.date) filter (e.date >= s.since) as last_day
                from stay as s
                asof inner join summed as e on e.region_id = s.region_id and e.date < s.until
                asof left join summed as b on b.region_id = s.region_id and b.date < s.since
                group by all
                having sum(e.days - coalesce(b.days, 0)) >= {one.min_days}
            )
        select
            row_no,
            {number} as feature_no,
            total / days as value,
            cast(last_day as timestamp) as event_at,
            cast(last_day + 1 as timestamp) as known_at
        from exposure
    """


def _flagged(number: int, hits: str, basis: str, value: str = "1.0") -> str:
    """1 (or the hit's value) with the dates of the hit, 0 with the date of the basis that makes "not on record" an
    observation."""
    return f"""
        with
            hit as ({hits}),
            basis as ({basis})
        select
            b.row_no,
            {number} as feature_no,
            case when h.row_no is null then 0.0 else {value} end as value,
            coalesce(h.event_at, b.event_at) as event_at,
            coalesce(h.known_at, b.known_at) as known_at
        from basis as b
        left join hit as h using (row_no)
    """


_CONTACT = f"""
    select c.row_no, max(f.event_at) as event_at, max(f.known_at) as known_at
    from cohort as c
    inner join
        (
            select person_id, event_at, known_at, superseded_at, op from twin_encounter
            union all
            select person_id, event_at, known_at, superseded_at, op from twin_measurement
            union all
            select person_id, event_at, known_at, superseded_at, op from twin_condition
            union all
            select person_id, event_at, known_at, superseded_at, op from twin_medication
        ) as f
        on f.person_id = c.person_id
    where c.eligible and f.event_at <= c.index_at and {as_of("f", "c.index_at")}
    group by c.row_no
"""
"""Any clinical contact: only then does "not on record" mean something."""


def _medication(one: spec.Medication, number: int) -> str:
    hits = f"""
        select c.row_no, max(m.event_at) as event_at, max(m.known_at) as known_at
        from cohort as c
        inner join twin_medication as m on m.person_id = c.person_id
        where
            c.eligible
            and m.concept in {_texts(one.concepts)}
            and {as_of("m", "c.index_at")}
            and m.event_at <= c.index_at
            and greatest(m.event_at, coalesce(m.event_end_at, m.event_at)) > c.index_at - to_days({one.days})
        group by c.row_no
    """
    return _flagged(number, hits, "select * from contact")


def _condition(one: spec.Condition, number: int) -> str:
    hits = f"""
        select c.row_no, min(d.event_at) as event_at, max(d.known_at) as known_at
        from cohort as c
        inner join twin_condition as d on d.person_id = c.person_id
        where
            c.eligible
            and d.concept in {_texts(one.concepts)}
            and {as_of("d", "c.index_at")}
            and d.event_at <= c.index_at
        group by c.row_no
    """
    return _flagged(number, hits, "select * from contact")


def _condition_count(one: spec.ConditionCount, number: int) -> str:
    counted = f"and d.concept not in {_texts(one.without)}" if one.without else ""
    hits = f"""
        select
            c.row_no,
            cast(count(distinct d.concept) as double) as n,
            max(d.event_at) as event_at,
            max(d.known_at) as known_at
        from cohort as c
        inner join twin_condition as d on d.person_id = c.person_id
        where c.eligible {counted} and {as_of("d", "c.index_at")} and d.event_at <= c.index_at
        group by c.row_no
    """
    return _flagged(number, hits, "select * from contact", "h.n")


def _family_history(one: spec.FamilyHistory, number: int) -> str:
    def recorded(where: str) -> str:
        return f"""
            select c.row_no, max(h.known_at) as event_at, max(h.known_at) as known_at
            from cohort as c
            inner join twin_family_history as h on h.person_id = c.person_id
            where c.eligible and {as_of("h", "c.index_at")} {where}
            group by c.row_no
        """

    return _flagged(number, recorded(f"and h.concept in {_texts(one.concepts)}"), recorded(""))


CONTACT = f"create or replace temp table contact as {_CONTACT}"
"""Run once before the queries: the latest clinical contact per row."""
