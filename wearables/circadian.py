"""Circadian rhythm of activity or any other measure: the warehouse's macro, the cosinor, sleep regularity."""

from __future__ import annotations

import math

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lake.sql_macros import macros


def rhythm(activity: pa.Table) -> pa.Table:
    """Return IS, IV, L5, M10 and relative amplitude of each series (``transform/macros/circadian.sql``).

    Args:
        activity: ``series`` (text), ``happened_at`` (local timestamp), ``value``.
    """
    with duckdb.connect(":memory:") as connection:
        connection.register("activity", activity)
        query = macros("circadian").circadian_rhythm("activity")
        return connection.sql(f"select * from ({query}) order by series").to_arrow_table()


def cosinor(hours: NDArray[np.float64], values: NDArray[np.float64], period_h: float = 24.0) -> dict[str, float]:
    """Fit one cosine by least squares (Halberg; Cornelissen, Theor Biol Med Model 2014;11:16).

    Args:
        hours: local time in hours, from any midnight on.
        values: as many values.
        period_h: length of the rhythm.

    Returns:
        ``mesor``, ``amplitude``, ``acrophase_hour`` (clock hour of the peak) and ``r_squared``.

    Raises:
        ValueError: fewer than four values, or all at one time of the day.
    """
    if len(hours) < 4:
        raise ValueError("a cosine needs at least four values")
    angle = 2 * math.pi * hours / period_h
    design = np.column_stack([np.ones(len(hours)), np.cos(angle), np.sin(angle)])
    solution, _, rank, _ = np.linalg.lstsq(design, values, rcond=None)
    if rank < 3:
        raise ValueError("all values stand at the same times of the day")
    mesor, cosine, sine = (float(one) for one in solution)
    spread = float(np.sum((values - values.mean()) ** 2))
    left = float(np.sum((values - design @ solution) ** 2))
    return {
        "mesor": mesor,
        "amplitude": math.hypot(cosine, sine),
        "acrophase_hour": math.atan2(sine, cosine) / (2 * math.pi) * period_h % period_h,
        "r_squared": 1 - left / spread if spread else math.nan,
    }


def sleep_regularity(states: pa.Table) -> float | None:
    """Return the sleep regularity index: how likely two moments a day apart are in the same state, from -100 to 100.

    Phillips et al., Sci Rep 2017;7:3216.

    Args:
        states: ``happened_at`` (local timestamp), ``is_asleep``, at equal steps; moments without a state are left out.

    Returns:
        The index; None where no two moments lie a day apart.
    """
    with duckdb.connect(":memory:") as connection:
        connection.register("state", states)
        row = connection.execute("""
            select 200 * avg((one.is_asleep = other.is_asleep)::int) - 100
            from state as one
            inner join state as other on other.happened_at = one.happened_at + interval 24 hours
            where one.is_asleep is not null and other.is_asleep is not null
        """).fetchone()
    return None if row is None or row[0] is None else float(row[0])
