"""Garmin: FIT files of a run or two per campaign."""
# ruff: noqa: E501 -- message tables

from __future__ import annotations

import numpy as np

from synthetic.chunks import Chunk
from synthetic.clock import utc_offset_minutes
from synthetic.enrolment import account
from synthetic.fit import Message, encode, seconds


def write(chunk: Chunk, i: int, rng: np.random.Generator) -> None:
    """Write one person's activities: a record every five seconds."""
    people = chunk.people
    resting = float(chunk.history.states[2]["rhr"][i])
    for run in range(2):
        local = people.enrolled[i].astype("datetime64[s]") + np.timedelta64(
            int((5 + 9 * run) * 86_400 + 64_800 + rng.integers(0, 3000)), "s"
        )
        start = local - np.timedelta64(int(utc_offset_minutes(np.array([local]))[0]) * 60, "s")
        count = int(rng.integers(240, 480))
        elapsed = 5 * np.arange(count)
        speed = np.clip(2.6 + 0.2 * np.sin(elapsed / 200) + rng.normal(0, 0.12, count), 1, 5)
        distance = np.cumsum(speed * 5)
        heart = np.clip(resting + 60 * (1 - np.exp(-elapsed / 180)) + rng.normal(0, 2, count), 40, 190)
        name = f"garmin/account={account(people, i, 'garmin')}/{str(local).replace(':', '-')}.fit"
        data = encode(_messages(start, elapsed, speed, distance, heart, int(people.number[i])))
        chunk.landing.put(name, data, count)


def _messages(
    start: np.datetime64, elapsed: np.ndarray, speed: np.ndarray, distance: np.ndarray, heart: np.ndarray, number: int
) -> list[Message]:
    begin, end = int(seconds(start)), int(seconds(start)) + int(elapsed[-1])
    total, metres, kcal = int(elapsed[-1]) * 1000, int(distance[-1] * 100), int(distance[-1] * 0.065)
    rate = (int(heart.mean()), int(heart.max()))
    return [
        Message(0, ((0, "enum", 4), (1, "uint16", 1), (2, "uint16", 3113), (3, "uint32z", 3_900_000_000 - number), (4, "uint32", begin))),
        Message(21, ((253, "uint32", begin), (0, "enum", 0), (1, "enum", 0))),
        Message(20, (
            (253, "uint32", begin + elapsed), (5, "uint32", np.rint(distance * 100)), (6, "uint16", np.rint(speed * 1000)),
            (3, "uint8", np.rint(heart)), (4, "uint8", np.full(len(elapsed), 82)),
        )),
        Message(21, ((253, "uint32", end), (0, "enum", 0), (1, "enum", 4))),
        Message(19, ((253, "uint32", end), (2, "uint32", begin), (7, "uint32", total), (8, "uint32", total), (9, "uint32", metres))),
        Message(18, (
            (253, "uint32", end), (2, "uint32", begin), (5, "enum", 1), (6, "enum", 0), (7, "uint32", total), (8, "uint32", total),
            (9, "uint32", metres), (11, "uint16", kcal), (16, "uint8", rate[0]), (17, "uint8", rate[1]), (26, "uint16", 1),
        )),
        Message(34, ((253, "uint32", end), (0, "uint32", total), (1, "uint16", 1), (2, "enum", 0), (3, "enum", 26), (4, "enum", 1))),
    ]  # fmt: skip
