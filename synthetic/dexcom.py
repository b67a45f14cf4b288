"""Dexcom Clarity: ten days of glucose readings as CSV, every five minutes, in naive local time."""

from __future__ import annotations

import numpy as np

from synthetic.chunks import Chunk
from synthetic.clock import DATA_CUTOFF
from synthetic.enrolment import account
from synthetic.randomness import autoregression

DAYS = 10
_COLUMNS = (
    "Index,Timestamp (YYYY-MM-DDThh:mm:ss),Event Type,Event Subtype,Patient Info,Device Info,Source Device ID,"
    "Glucose Value (mg/dL),Insulin Value (u),Carb Value (grams),Duration (hh:mm:ss),"
    "Glucose Rate of Change (mg/dL/min),Transmitter Time (Long Integer),Transmitter ID"
)


def write(chunk: Chunk, i: int, rng: np.random.Generator) -> None:
    """Write one person's readings: a level that follows from HbA1c, three meals a day, slow noise, lost signal."""
    people = chunk.people
    state = {name: values[i] for name, values in chunk.history.states[-1].items()}
    a1c = max(state["a1c"] - state["metformin"] - 0.9 * (state["second_line"] > 0), 5.4)
    mean = 28.7 * a1c - 46.7  # estimated average glucose (Nathan 2008)
    count = DAYS * 288
    minute = np.arange(count) * 5
    start = (DATA_CUTOFF - np.timedelta64(DAYS + int(rng.integers(2, 15)), "D")).astype("datetime64[s]")
    when = start + (minute * 60 + int(rng.integers(0, 300))).astype("timedelta64[s]")
    slow = autoregression(rng, count, 0.97)
    meals = np.zeros(count)
    for day in range(DAYS):
        for hour in (7.5, 12.5, 18.5):
            lag = minute - (day * 1440 + hour * 60 + rng.normal(0, 30))
            meals += rng.uniform(0.6, 1.3) * np.where(lag > 0, lag / 50 * np.exp(1 - np.maximum(lag, 0) / 50), 0)
    glucose = mean * (0.86 + 0.15 * slow) + (18 + 9 * (a1c - 5)) * meals
    glucose = np.rint(np.clip(glucose, 30, 460)).astype(np.int64)
    name = f"dexcom/account={account(people, i, 'dexcom')}/clarity.csv"
    kept = np.flatnonzero(rng.random(count) > 0.02)
    text = [str(v) for v in glucose[kept].tolist()]
    stamps = np.datetime_as_string(when[kept], unit="s").tolist()
    text[100], text[1500] = "Low", "High"  # every export has some of each
    for k, value in enumerate(glucose[kept].tolist()):
        if value < 40 or value > 400 or k in (100, 1500):
            word = text[k] if k in (100, 1500) else ("Low" if value < 40 else "High")
            text[k] = word
            bound = {"Low": ("<", 40), "High": (">", 400)}[word]
            chunk.dirt.add(
                "sensor_range",
                name,
                stamps[k],
                people.key(i),
                "censored",
                metric="glucose",
                censor=bound[0],
                bound=bound[1],
            )
    birth = str(people.birth[i]).split("-")
    head = [
        f"1,,FirstName,,{people.given[i]},,,,,,,,,",
        f"2,,LastName,,{people.family[i]},,,,,,,,,",
        f"3,,DateOfBirth,,{int(birth[1])}/{int(birth[2])}/{birth[0]},,,,,,,,,",
        "4,,Device,,,Dexcom G6 Mobile App,iPhone G6,,,,,,,",
        "5,,Alert,High,,,iPhone G6,250,,,,,,",
        "6,,Alert,Low,,,iPhone G6,80,,,,,,",
        "7,,Alert,Urgent Low,,,iPhone G6,55,,,,,,",
    ]
    rows = [
        f"{k},{t},EGV,,,,iPhone G6,{v},,,,,{5_000_000 + 300 * k},8{i:04d}X"
        for k, (t, v) in enumerate(zip(stamps, text, strict=True), start=len(head) + 1)
    ]
    data = "\ufeff" + "\r\n".join([_COLUMNS, *head, *rows]) + "\r\n"
    chunk.landing.put(name, data.encode(), len(rows) + len(head))
