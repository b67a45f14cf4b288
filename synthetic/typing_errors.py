"""Slips of the keyboard, and how people name themselves outside the hospital."""

from __future__ import annotations

import numpy as np

from synthetic.names import NICKNAMES


def slip(word: str, rng: np.random.Generator) -> str:
    """One typing error within a word: two letters swapped, one dropped, or one doubled."""
    if len(word) < 3:
        return word + word[-1]
    at = int(rng.integers(1, len(word) - 1))
    kind = int(rng.integers(0, 3))
    if kind == 0 and word[at] != word[at + 1]:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    if kind == 1 and len(word) > 3:
        return word[:at] + word[at + 1 :]
    return word[: at + 1] + word[at] + word[at + 1 :]


def nickname(given: str) -> str:
    """The short form that its bearer uses, or the name itself."""
    return NICKNAMES.get(given, given)


def swapped_birth_date(date: np.datetime64) -> np.datetime64:
    """Day and month exchanged, as on a form of another country; the date itself where that gives no date."""
    year, month, day = str(date).split("-")
    return np.datetime64(f"{year}-{day}-{month}") if int(day) <= 12 else date
