"""The same rules over history: which alarms there would have been, and how many of them were false."""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from wearables.monitor.readings import Reading, in_time
from wearables.monitor.rule import Alarm, State
from wearables.monitor.rules import AnyRule

WEEK_S = 7 * 86_400


@dataclass
class Replay:
    """What the rules said.

    Attributes:
        person_weeks: time from each person's first to last reading, added up.
        per_rule: alarms, those outside all events, and both per person-week; ``events_met`` of all events.
    """

    alarms: list[Alarm] = field(default_factory=list)
    readings: int = 0
    people: int = 0
    person_weeks: float = 0.0
    per_rule: list[dict[str, Any]] = field(default_factory=list)


def replay(
    readings: Iterable[Reading], rules: Sequence[AnyRule], events: Sequence[tuple[str, float, float]] | None = None
) -> Replay:
    """Run rules over readings of any order.

    Args:
        readings: duplicates count once.
        rules: as the monitor takes them.
        events: (person, from, to) of what an alarm should tell of; null: false alarms are not counted.
    """
    by_person: dict[str, list[Reading]] = defaultdict(list)
    for one in readings:
        by_person[one.person].append(one)
    found = Replay(people=len(by_person))
    for person in sorted(by_person):
        rows = in_time(dict.fromkeys(by_person[person]))
        found.readings += len(rows)
        found.person_weeks += (rows[-1].at - rows[0].at) / WEEK_S
        for rule in rules:
            state: State = {}
            keys = set()
            for reading in rows:
                if not rule.concerns(reading.metric):
                    continue
                for alarm in rule.step(state, reading):
                    if alarm.key not in keys:
                        keys.add(alarm.key)
                        found.alarms.append(alarm)
    found.alarms.sort(key=lambda one: (one.at, one.person, one.rule))
    spans: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for person, begin, end in events or ():
        spans[person].append((begin, end))
    for of_person in spans.values():
        of_person.sort()
    for rule in rules:
        mine = [one for one in found.alarms if one.rule == rule.rule]
        row: dict[str, Any] = {
            "rule": rule.rule,
            "severity": rule.severity,
            "alarms": len(mine),
            "per_person_week": len(mine) / found.person_weeks if found.person_weeks else None,
        }
        if events is not None:
            false = [one for one in mine if not _inside(spans[one.person], one.at)]
            met = {(one.person, span) for one in mine if (span := _inside(spans[one.person], one.at))}
            row |= {
                "false_alarms": len(false),
                "false_per_person_week": len(false) / found.person_weeks if found.person_weeks else None,
                "events_met": len(met),
                "events": len(events),
            }
        found.per_rule.append(row)
    return found


def _inside(spans: list[tuple[float, float]], at: float) -> tuple[float, float] | None:
    """The span that a moment lies in; spans of one person do not overlap."""
    place = bisect.bisect_right(spans, (at, float("inf"))) - 1
    return spans[place] if place >= 0 and spans[place][0] <= at <= spans[place][1] else None
