"""Small core tables with a known hazard, written as the hand-over the platform makes. Plumbing tests only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lake.settings import Settings

START, CUTOFF = datetime(2014, 7, 1), datetime(2026, 6, 30)
_DAYS = (CUTOFF - START).days


@dataclass(frozen=True)
class Truth:
    """What the simulation knows: person ids and the log hazard ratios of both diseases."""

    person_id: list[str]
    t2d: np.ndarray
    ascvd: np.ndarray


def write_core(settings: Settings, people: int = 400, seed: int = 1) -> Truth:
    """Write lake/core/*.parquet for ``people`` and return the planted truth."""
    random = np.random.default_rng(seed)
    ids = [f"P{i:016x}" for i in range(people)]
    male = random.random(people) < 0.5
    age = random.uniform(40, 75, people)
    bmi = random.normal(27.5, 4.5, people)
    pgs_t2d, pgs_cad = random.normal(size=(2, people))
    steps = np.clip(random.normal(7000, 2500, people), 500, None)
    smoker = random.random(people) < 0.2
    family = random.random(people) < 0.25
    glucose = 92 + 0.9 * (bmi - 27.5) + 4 * pgs_t2d + random.normal(0, 8, people)
    hba1c = 5.4 + 0.015 * (glucose - 92) + random.normal(0, 0.15, people)
    sbp = 122 + 0.5 * (age - 58) + 0.6 * (bmi - 27.5) + random.normal(0, 12, people)
    hdl = np.clip(56 - 8 * male - 0.5 * (bmi - 27.5) + random.normal(0, 10, people), 22, None)
    total = 200 + random.normal(0, 32, people)
    triglycerides = np.exp(np.log(120) + 0.04 * (bmi - 27.5) + random.normal(0, 0.35, people))
    t2d = (
        0.06 * (glucose - 92)
        + 0.10 * (bmi - 27.5)
        + 0.45 * pgs_t2d
        - 0.10 * (steps - 7000) / 1000
        + 0.4 * family
        + 0.02 * (age - 58)
    )
    ascvd = (
        0.06 * (age - 58)
        + 0.4 * male
        + 0.02 * (sbp - 122)
        + 0.008 * (total - 200)
        - 0.02 * (hdl - 52)
        + 0.6 * smoker
        + 0.4 * pgs_cad
        - 0.08 * (steps - 7000) / 1000
    )

    def onset(rate: float, log_hazard: np.ndarray, ageing: float) -> np.ndarray:
        # Gompertz: the hazard rises with age, so that the age at any index date means the same
        spent = random.exponential(size=people) / (rate * np.exp(log_hazard))
        return 365.25 * np.log1p(ageing * spent) / ageing

    onset_t2d, onset_ascvd = onset(0.010, t2d, 0.02), onset(0.008, ascvd, 0.06)
    death = onset(0.006, 0.09 * (age - 58) + 0.4 * smoker, 0.09)
    last = np.minimum(np.minimum(death, _DAYS), random.uniform(_DAYS - 1200, _DAYS + 1200, people))
    moment = _Moments(ids)
    has_genome, has_wearable = random.random(people) < 0.7, random.random(people) < 0.45

    _write(
        settings,
        "twin_person",
        {
            "person_id": ids,
            "birth_date": [(START - timedelta(days=float(a) * 365.25)).date() for a in age],
            "sex": ["male" if m else "female" for m in male],
            "death_date": [moment.at(d).date() if d < _DAYS else None for d in death],
            "first_observed_at": [START] * people,
            "last_observed_at": [moment.at(d) for d in last],
        },
        {"death_date": pa.date32(), "birth_date": pa.date32()},
    )
    rows: list[tuple[str, str, float | None, str | None, str, datetime, datetime]] = []
    levels = {
        "hba1c": (hba1c, 0.12, "%"),
        "fasting_glucose": (glucose, 5, "mg/dL"),
        "bmi": (bmi, 0.4, "kg/m2"),
        "systolic_bp": (sbp, 7, "mm[Hg]"),
        "diastolic_bp": (sbp * 0.62, 5, "mm[Hg]"),
        "hdl_cholesterol": (hdl, 4, "mg/dL"),
        "total_cholesterol": (total, 12, "mg/dL"),
        "triglycerides": (triglycerides, 15, "mg/dL"),
        "creatinine": (0.75 + 0.18 * male + 0.004 * (age - 58), 0.05, "mg/dL"),
    }
    for person in range(people):
        for visit in np.arange(random.uniform(0, 300), last[person], 420):
            for concept, (level, noise, unit) in levels.items():
                if random.random() < 0.8:
                    value = float(level[person] + random.normal(0, noise))
                    known = moment.at(visit + random.exponential(3))
                    rows.append((ids[person], concept, value, None, unit, moment.at(visit), known))
            answer = "current" if smoker[person] else "never"
            rows.append((ids[person], "smoking_status", None, answer, "", moment.at(visit), moment.at(visit)))
    _write(
        settings,
        "twin_measurement",
        {
            "person_id": [r[0] for r in rows],
            "concept": [r[1] for r in rows],
            "code": [""] * len(rows),
            "value_std": [r[2] for r in rows],
            "value_text": [r[3] for r in rows],
            "value_code": pa.nulls(len(rows), pa.string()),
            "quality_flags": [""] * len(rows),
            "unit_std": [r[4] for r in rows],
            "event_at": [r[5] for r in rows],
            "known_at": [r[6] for r in rows],
            **_versions(len(rows)),
        },
    )
    visits = [(ids[i], day) for i in range(people) for day in np.arange(10, last[i], 250)]
    _write(
        settings,
        "twin_encounter",
        {
            "person_id": [v[0] for v in visits],
            "encounter_class": ["AMB"] * len(visits),
            "event_at": [moment.at(v[1]) for v in visits],
            "event_end_at": [moment.at(v[1]) for v in visits],
            "known_at": [moment.at(v[1] + 1) for v in visits],
            **_versions(len(visits)),
        },
    )
    events = [
        (ids[i], concept, moment.at(day), moment.at(day + 5))
        for concept, days in (("type_2_diabetes", onset_t2d), ("myocardial_infarction", onset_ascvd))
        for i, day in enumerate(days)
        if day < last[i]
    ]
    _write(
        settings,
        "twin_condition",
        {
            "person_id": [e[0] for e in events],
            "concept": [e[1] for e in events],
            "event_at": [e[2] for e in events],
            "known_at": [e[3] for e in events],
            **_versions(len(events)),
        },
    )
    relatives = [(ids[i], "type_2_diabetes" if family[i] else "hypertension") for i in range(people)]
    _write(
        settings,
        "twin_family_history",
        {
            "person_id": [r[0] for r in relatives],
            "relationship": ["parent"] * people,
            "concept": [r[1] for r in relatives],
            "known_at": [START] * people,
            **_versions(people),
        },
    )
    days = [
        (ids[i], day)
        for i in np.flatnonzero(has_wearable)
        for first in (30, _DAYS - 60)
        if first < last[i]
        for day in range(first, first + 40)
    ]
    where = np.array([int(p[1:], 16) for p, _ in days], int)
    walked = np.clip(steps[where] + random.normal(0, 1500, len(days)), 0, None)
    blank = np.full(len(days), np.nan)
    _write(
        settings,
        "twin_wearable_day",
        {
            "person_id": [p for p, _ in days],
            "local_date": [moment.at(d).date() for _, d in days],
            "known_at": [moment.at(d + 1) for _, d in days],
            "wear_minutes": blank + 900,
            "steps": walked,
            "resting_heart_rate": 72 - walked / 1500 + random.normal(0, 3, len(days)),
            **{
                name: pa.nulls(len(days), pa.float64())
                for name in ("hrv_rmssd", "hrv_sdnn", "sleep_minutes", "active_energy_kcal", "glucose_mean")
            },
        },
    )
    genomes = [
        (ids[i], name, float(z[i]))
        for name, z in (("PGS_T2D_DEMO", pgs_t2d), ("PGS_CAD_DEMO", pgs_cad))
        for i in np.flatnonzero(has_genome)
    ]
    _write(
        settings,
        "twin_genome_score",
        {
            "person_id": [g[0] for g in genomes],
            "pgs_id": [g[1] for g in genomes],
            "trait": [g[1] for g in genomes],
            "z": [g[2] for g in genomes],
            "match_rate": [1.0] * len(genomes),
            "status": ["ok"] * len(genomes),
            "known_at": [START + timedelta(days=200)] * len(genomes),
        },
    )
    _homes_and_air(settings, ids, random)
    return Truth(ids, t2d, ascvd)


def _homes_and_air(settings: Settings, ids: list[str], random: np.random.Generator) -> None:
    _write(
        settings,
        "twin_person_home",
        {
            "person_id": ids,
            "region_id": [str(100 + i % 6) for i in range(len(ids))],
            "valid_from": [date(1900, 1, 1)] * len(ids),
            "valid_to": [None] * len(ids),
        },
        {"valid_from": pa.date32(), "valid_to": pa.date32()},
    )
    air = [(str(100 + r), START.date() + timedelta(days=d)) for r in range(6) for d in range(_DAYS)]
    _write(
        settings,
        "environment_day",
        {"region_id": [a[0] for a in air], "date": [a[1] for a in air], "pm2_5": random.gamma(8, 1.4, len(air))},
    )


class _Moments:
    def __init__(self, ids: list[str]) -> None:
        self.ids = ids

    @staticmethod
    def at(day: float) -> datetime:
        return START + timedelta(seconds=round(float(min(day, 40_000)) * 86_400))


def _versions(count: int) -> dict[str, object]:
    return {"superseded_at": pa.nulls(count, pa.timestamp("us")), "op": ["insert"] * count}


def _write(
    settings: Settings, name: str, columns: dict[str, object], types: dict[str, pa.DataType] | None = None
) -> None:
    arrays = {}
    for column, values in columns.items():
        array = values if isinstance(values, pa.Array) else pa.array(values, (types or {}).get(column))
        if pa.types.is_timestamp(array.type):
            array = array.cast(pa.timestamp("us"))
        arrays[column] = array
    path = settings.core / f"{name}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(arrays), path)
