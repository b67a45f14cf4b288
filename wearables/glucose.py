"""Metrics of continuous glucose monitoring: the macro that the warehouse uses, on readings of any number of people."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from lake.sql_macros import macros

MMOL_TO_MG = 18.0182


def cgm_metrics(readings: pa.Table) -> pa.Table:
    """Return the consensus metrics of each series.

    Args:
        readings: ``series`` (text), ``happened_at`` (timestamp; local or UTC, but one of them throughout), ``mg_dl``.
            Readings beyond the sensor's range stand at its limits. Two readings at one moment count once.

    Returns:
        One row per series: counts, mean, SD, CV (%), GMI (%), quantiles, times in ranges (% of readings), GRI, LBGI,
        HBGI, J-index, MAGE, MODD and CONGA (mg/dL), episodes; ``is_enough`` says whether 70 % of 14 days are there.
        Formulas and sources stand in
        ``transform/macros/cgm.sql``.
    """
    return _of(macros("cgm").cgm_metrics("reading"), readings, "* exclude (part)", "series")


def profile(readings: pa.Table) -> pa.Table:
    """Return the ambulatory glucose profile: quantiles by series and hour of the day, mg/dL."""
    return _of(macros("cgm").glucose_profile("reading"), readings, "*", "series, hour")


def _of(query: str, readings: pa.Table, columns: str, order: str) -> pa.Table:
    with duckdb.connect(":memory:") as connection:
        connection.execute("set timezone = 'UTC'")
        connection.register("reading", readings.append_column("part", pa.repeat("", readings.num_rows)))
        return connection.sql(f"select {columns} from ({query}) order by {order}").to_arrow_table()
