"""Fitbit: answers of the Web API saved as JSON, one file per resource and campaign."""

from __future__ import annotations

import numpy as np
import orjson

from synthetic.chunks import Chunk
from synthetic.clock import DATA_CUTOFF, TIME_ZONE
from synthetic.enrolment import account
from synthetic.wearables import Worn


def write(chunk: Chunk, i: int, campaigns: list[Worn], rng: np.random.Generator) -> None:
    """Write one person's saved answers."""
    people = chunk.people
    folder = f"fitbit/account={account(people, i, 'fitbit')}"
    profile = {
        "user": {
            "dateOfBirth": str(people.birth[i]), "displayName": people.given[i],
            "gender": "MALE" if people.male[i] else "FEMALE",
            "memberSince": str(people.enrolled[i]), "timezone": TIME_ZONE, "weightUnit": "METRIC",
            "offsetFromUTCMillis": -14_400_000,
        }
    }  # fmt: skip
    chunk.landing.put(f"{folder}/profile.json", orjson.dumps(profile), 1)
    for worn in campaigns:
        dates = [str(d) for d in worn.date]
        span = f"{dates[0]}_{dates[-1]}"
        for name, body in (
            ("activities-heart", _heart(dates, worn)), ("activities-steps", _steps(dates, worn)),
            ("sleep", _sleep(dates, worn, rng, int(people.number[i]))), ("hrv", _hrv(dates, worn)),
        ):  # fmt: skip
            chunk.landing.put(f"{folder}/{name}_{span}.json", orjson.dumps(body), len(dates))
    if len(campaigns) > 1 and rng.random() < 0.1:
        _resend(chunk, i, folder, campaigns[1])


def _heart(dates: list[str], worn: Worn) -> object:
    zones = [("Out of Range", 30, 88), ("Fat Burn", 88, 123), ("Cardio", 123, 150), ("Peak", 150, 220)]
    return {
        "activities-heart": [
            {
                "dateTime": date,
                "value": {
                    "customHeartRateZones": [],
                    "heartRateZones": [
                        {"caloriesOut": 0, "max": high, "min": low, "minutes": (1200, 150, 12, 0)[k], "name": name}
                        for k, (name, low, high) in enumerate(zones)
                    ],
                    "restingHeartRate": rate,
                },
            }
            for date, rate in zip(dates, worn.resting.tolist(), strict=True)
        ]
    }


def _steps(dates: list[str], worn: Worn) -> object:
    return {
        "activities-steps": [{"dateTime": d, "value": str(s)} for d, s in zip(dates, worn.steps.tolist(), strict=True)]
    }


def _hrv(dates: list[str], worn: Worn) -> object:
    return {
        "hrv": [
            {"value": {"dailyRmssd": round(v, 3), "deepRmssd": round(v * 0.94, 3)}, "dateTime": d}
            for d, v in zip(dates, worn.rmssd.tolist(), strict=True)
        ]
    }


def _sleep(dates: list[str], worn: Worn, rng: np.random.Generator, number: int) -> object:
    begin = worn.date.astype("datetime64[s]") + np.timedelta64(-12, "h") + (worn.asleep * 60).astype("timedelta64[s]")
    order = ("light", "deep", "light", "rem", "wake", "light")
    seconds = (rng.dirichlet((12, 8, 14, 9, 2, 6), len(dates)) * (worn.slept * 2)[:, None]).astype(np.int64).clip(
        1
    ) * 30
    edges = begin[:, None] + np.cumsum(np.hstack([np.zeros((len(dates), 1), dtype=np.int64), seconds]), axis=1).astype(
        "timedelta64[s]"
    )
    text = np.char.add(np.datetime_as_string(edges, unit="s"), ".000").tolist()
    result = []
    for k, date in enumerate(dates):
        length = seconds[k].tolist()
        minutes = {
            stage: sum(s for s, o in zip(length, order, strict=True) if o == stage) // 60 for stage in set(order)
        }
        asleep = sum(v for stage, v in minutes.items() if stage != "wake")
        result.append(
            {
                "dateOfSleep": date, "duration": sum(length) * 1000, "efficiency": 93, "endTime": text[k][-1],
                "infoCode": 0,
                "isMainSleep": True,
                "levels": {
                    "data": [
                        {"dateTime": text[k][j], "level": order[j], "seconds": length[j]} for j in range(len(order))
                    ],
                    "shortData": [],
                    "summary": {
                        stage: {"count": order.count(stage), "minutes": minutes[stage], "thirtyDayAvgMinutes": 0}
                        for stage in ("deep", "light", "rem", "wake")
                    },
                },
                "logId": 30_000_000_000 + number * 1000 + k, "logType": "auto_detected", "minutesAfterWakeup": 0,
                "minutesAsleep": asleep, "minutesAwake": minutes["wake"], "minutesToFallAsleep": 0,
                "startTime": text[k][0], "timeInBed": sum(length) // 60, "type": "stages",
            }
        )  # fmt: skip
    return {"sleep": result}


def _resend(chunk: Chunk, i: int, folder: str, worn: Worn) -> None:
    """The last three days' steps once more in a second answer, unchanged: they must not count twice."""
    dates = [str(d) for d in worn.date[-3:]]
    body = {
        "activities-steps": [
            {"dateTime": d, "value": str(s)} for d, s in zip(dates, worn.steps[-3:].tolist(), strict=True)
        ]
    }
    name = f"{folder}/activities-steps_{dates[0]}_{DATA_CUTOFF}_again.json"
    chunk.landing.put(name, orjson.dumps(body), len(dates))
    for date in dates:
        chunk.dirt.add("resent_days", name, date, chunk.people.key(i), "deduplicated", metric="step_count")
