"""Open mHealth: data points (header and body) as JSON arrays, one file per campaign."""

from __future__ import annotations

import numpy as np
import orjson

from synthetic.chunks import Chunk
from synthetic.clock import iso_local
from synthetic.enrolment import account
from synthetic.randomness import hex_ids
from synthetic.wearables import Worn


def write(chunk: Chunk, i: int, campaigns: list[Worn], rng: np.random.Generator) -> None:
    """Write one person's data points."""
    user = account(chunk.people, i, "open_mhealth")
    for worn in campaigns:
        points = [*_steps(worn), *_heart(worn), *_sleep(worn), *_weight(worn), *_pressure(chunk, i, worn, rng)]
        ids = hex_ids(rng, len(points))
        body = [_point(rid, user, *point) for rid, point in zip(ids, points, strict=True)]
        chunk.landing.put(f"open_mhealth/account={user}/data-points_{worn.date[0]}.json", orjson.dumps(body), len(body))


Point = tuple[str, str, str, dict[str, object]]
"""Schema name and version, creation time, body."""


def _point(rid: str, user: str, schema: str, version: str, created: str, body: dict[str, object]) -> dict[str, object]:
    header = {
        "id": rid,
        "creation_date_time": created,
        "schema_id": {"namespace": "omh", "name": schema, "version": version},
        "acquisition_provenance": {
            "source_name": "HealthHub",
            "source_creation_date_time": created,
            "modality": "sensed",
        },
        "user_id": user,
    }
    return {"header": header, "body": body}


def _interval(start: str, end: str) -> dict[str, object]:
    return {"time_interval": {"start_date_time": start, "end_date_time": end}}


def _steps(worn: Worn) -> list[Point]:
    start = worn.date.astype("datetime64[s]")
    begin, end = iso_local(start), iso_local(start + np.timedelta64(86_400, "s"))
    return [
        ("step-count", "2.0", e, {"step_count": s, "effective_time_frame": _interval(b, e)})
        for s, b, e in zip(worn.steps.tolist(), begin, end, strict=True)
    ]


def _heart(worn: Worn) -> list[Point]:
    at = iso_local(worn.date.astype("datetime64[s]") + np.timedelta64(23_400, "s"))
    return [
        (
            "heart-rate", "2.0", t,
            {"heart_rate": {"value": v, "unit": "beats/min"}, "effective_time_frame": {"date_time": t},
             "temporal_relationship_to_physical_activity": "at rest"},
        )
        for v, t in zip(worn.resting.tolist(), at, strict=True)
    ]  # fmt: skip


def _sleep(worn: Worn) -> list[Point]:
    start = (
        worn.date.astype("datetime64[s]") - np.timedelta64(43_200, "s") + (worn.asleep * 60).astype("timedelta64[s]")
    )
    begin, end = iso_local(start), iso_local(start + (worn.slept * 60).astype("timedelta64[s]"))
    return [
        (
            "sleep-duration",
            "2.0",
            e,
            {"sleep_duration": {"value": v, "unit": "min"}, "effective_time_frame": _interval(b, e)},
        )
        for v, b, e in zip(worn.slept.tolist(), begin, end, strict=True)
    ]


def _weight(worn: Worn) -> list[Point]:
    at = iso_local(worn.date[worn.weighed].astype("datetime64[s]") + np.timedelta64(25_500, "s"))
    return [
        (
            "body-weight",
            "2.0",
            t,
            {"body_weight": {"value": round(v, 1), "unit": "kg"}, "effective_time_frame": {"date_time": t}},
        )
        for v, t in zip(worn.weight[worn.weighed].tolist(), at, strict=True)
    ]


def _pressure(chunk: Chunk, i: int, worn: Worn, rng: np.random.Generator) -> list[Point]:
    """Home blood pressure on the days of weighing."""
    date = worn.date[worn.weighed]
    who = np.full(len(date), i)
    drugs = sum(chunk.history.on(name, who, date).astype(float) for name in ("bp_drugs", "bp_drugs_2", "bp_drugs_3"))
    systolic = chunk.history.level("sbp", who, date) - 9 * drugs - 3 + rng.normal(0, 6, len(date))
    diastolic = systolic * chunk.history.level("pulse_ratio", who, date) + rng.normal(0, 4, len(date))
    at = iso_local(date.astype("datetime64[s]") + np.timedelta64(25_800, "s"))
    return [
        (
            "blood-pressure", "2.0", t,
            {"systolic_blood_pressure": {"value": round(s), "unit": "mmHg"},
             "diastolic_blood_pressure": {"value": round(d), "unit": "mmHg"}, "effective_time_frame": {"date_time": t}},
        )
        for s, d, t in zip(systolic.tolist(), diastolic.tolist(), at, strict=True)
    ]  # fmt: skip
