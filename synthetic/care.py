"""The care process: visits, what is measured at them, when a disease is written down, what is prescribed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthetic import hazards
from synthetic.clock import DATA_CUTOFF, Array, Days, Index, Mask, Times
from synthetic.history import History
from synthetic.people import People

BASELINE, ANNUAL, FOLLOW_UP, DIAGNOSIS, STAY = range(5)
ACUTE = ("mi", "stroke")
DIAGNOSTIC_DELAY = {
    "t2d": 60, "chd": 30, "heart_failure": 20, "af": 40, "ckd": 120, "copd": 180, "dementia": 250, "breast_cancer": 25,
    "colorectal_cancer": 30, "hypertension": 30, "hyperlipidemia": 30, "obesity": 60,
}  # fmt: skip
"""Mean days from onset to the diagnosis (exponential); acute events are recognised at once."""


@dataclass
class Visits:
    """Contacts with a hospital, sorted by person and time. ``labs_at_b``: blood went to hospital B's laboratory."""

    person: Index
    when: Times
    kind: Index
    minutes: Index
    reason: NDArray[np.str_]
    labs_at_b: Mask

    def __len__(self) -> int:
        return len(self.person)


@dataclass
class Diagnoses:
    """Conditions as recorded by hospital A. ``visit`` indexes ``Visits``; ``brought`` marks what people came with."""

    person: Index
    condition: NDArray[np.str_]
    onset: Days
    recorded: Days
    brought: Mask
    visit: Index


@dataclass
class Prescriptions:
    """Orders of hospital A: one per year of treatment."""

    person: Index
    drug: NDArray[np.str_]
    start: Days
    end: Days
    last: Mask
    """The final order of a treatment that is still going on."""


def last_day(people: People, history: History) -> Days:
    """The day until which something can be recorded: death, leaving the region, or the cut-off."""
    return np.fmin(np.fmin(history.death, history.left), DATA_CUTOFF)


def plan(people: People, history: History, rng: np.random.Generator) -> tuple[Visits, Diagnoses]:
    """Lay out all visits and diagnoses."""
    n = len(people)
    everyone = np.arange(n)
    end = last_day(people, history)
    parts: list[tuple[Index, Days, int, str]] = [(everyone, people.enrolled, BASELINE, "")]
    for year in range(1, 12):
        date = people.enrolled + (365 * year + rng.normal(0, 25, n)).astype("timedelta64[D]")
        parts.append((everyone[rng.random(n) < 0.88], date, ANNUAL, ""))
        extra = people.enrolled + (365 * year - 180 + rng.normal(0, 40, n)).astype("timedelta64[D]")
        sick = np.asarray(history.onset["t2d"] < extra) | np.asarray(history.onset["ckd"] < extra)
        parts.append((everyone[rng.random(n) < 0.25 + 0.25 * sick], extra, FOLLOW_UP, ""))
    found: dict[str, tuple[Index, Days, Days]] = {}
    for condition, onset in history.onset.items():
        delay = rng.exponential(DIAGNOSTIC_DELAY.get(condition, 0.001), n).astype("timedelta64[D]")
        recorded = np.maximum(onset + delay, people.enrolled)
        who = np.flatnonzero(~np.isnat(onset) & people.in_a & (recorded <= end))
        found[condition] = (who, onset[who], recorded[who])
        fresh = who[recorded[who] > people.enrolled[who]]
        parts.append((fresh, recorded, STAY if condition in ACUTE else DIAGNOSIS, condition))
    person = np.concatenate([who for who, *_ in parts])
    date = np.concatenate([dates[who] for who, dates, *_ in parts])
    kind = np.concatenate([np.full(len(who), code) for who, _, code, _ in parts])
    reason = np.concatenate([np.full(len(who), why, dtype="U20") for who, _, _, why in parts])
    keep = (date <= end[person]) & (people.in_a[person] | np.isin(kind, (BASELINE, ANNUAL, FOLLOW_UP)))
    person, date, kind, reason = person[keep], date[keep], kind[keep], reason[keep]
    when = date.astype("datetime64[m]") + (450 + rng.integers(0, 480, len(person))).astype("timedelta64[m]")
    order = np.lexsort((when, person))
    person, when, kind, reason = person[order], when[order], kind[order], reason[order]
    minutes = np.where(kind == STAY, rng.integers(2, 7, len(person)) * 1440, rng.integers(15, 60, len(person)))
    only_b = people.in_b[person] & ~people.in_a[person]
    sometimes = people.in_b[person] & np.isin(kind, (ANNUAL, FOLLOW_UP)) & (rng.random(len(person)) < 0.4)
    visits = Visits(person, when, kind, minutes, reason, only_b | sometimes)
    return visits, _diagnoses(people, visits, found)


def _diagnoses(people: People, visits: Visits, found: dict[str, tuple[Index, Days, Days]]) -> Diagnoses:
    key = visits.person * 100_000 + visits.when.astype("datetime64[D]").astype(int)
    columns = []
    for condition, (who, onset, recorded) in found.items():
        visit = np.searchsorted(key, who * 100_000 + recorded.astype(int))
        columns.append(
            (who, np.full(len(who), condition, dtype="U20"), onset, recorded, recorded == people.enrolled[who], visit)
        )
    merged = [np.concatenate(column) for column in zip(*columns, strict=True)]
    order = np.lexsort((merged[3], merged[0]))
    return Diagnoses(*(column[order] for column in merged))


def prescribe(people: People, history: History, rng: np.random.Generator) -> Prescriptions:
    """Yearly orders for every treatment, for people whom hospital A treats."""
    n = len(people)
    end = last_day(people, history)
    final = history.states[-1]
    choice = rng.random(n)
    drugs = {
        "statin": np.select([choice < 0.5, choice < 0.7], ["atorvastatin", "simvastatin"], "rosuvastatin"),
        "bp_drugs": np.where(rng.random(n) < 0.6, "lisinopril", "losartan"),
        "bp_drugs_2": np.full(n, "amlodipine"),
        "bp_drugs_3": np.full(n, "hydrochlorothiazide"),
        "metformin": np.full(n, "metformin"),
        "second_line": np.array(["", "insulin_glargine", "empagliflozin", "semaglutide"])[
            final["second_line"].astype(int)
        ],
        "anticoagulant": np.where(rng.random(n) < 0.75, "apixaban", "warfarin"),
        "antiplatelet": np.where(rng.random(n) < 0.7, "aspirin", "clopidogrel"),
        "beta_blocker": np.full(n, "metoprolol"),
        "inhaler": np.where(rng.random(n) < 0.5, "tiotropium", "albuterol"),
    }
    columns = []
    for treatment, drug in drugs.items():
        start = np.maximum(history.started[treatment], people.enrolled)
        who = np.flatnonzero(~np.isnat(start) & people.in_a & (start <= end))
        orders = ((end[who] - start[who]).astype(int) // 365) + 1
        person = np.repeat(who, orders)
        step = np.arange(orders.sum()) - np.repeat(np.cumsum(orders) - orders, orders)
        begin = start[person] + (365 * step).astype("timedelta64[D]")
        last = step == np.repeat(orders - 1, orders)
        columns.append((person, drug[person].astype("U20"), begin, begin + np.timedelta64(365, "D"), last))
    merged = [np.concatenate(column) for column in zip(*columns, strict=True)]
    order = np.lexsort((merged[2], merged[0]))
    return Prescriptions(*(column[order] for column in merged))


def ever(history: History, condition: str) -> Array:
    """1 for people who get or have a condition within the study."""
    assert condition in hazards.CONDITIONS
    return (~np.isnat(history.onset[condition])).astype(float)
