"""Metrics of continuous glucose monitoring: ``cgm.sql`` on readings of any number of people."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa

_SQL = Path(__file__).with_name("cgm.sql")
MMOL_TO_MG = 18.0182


def cgm_metrics(readings: pa.Table) -> pa.Table:
    """Return the consensus metrics of each series.

    Args:
        readings: ``series`` (text), ``happened_at`` (timestamp; local or UTC, but one of them throughout), ``mg_dl``.
            Readings beyond the sensor's range stand at its limits. Two readings at one moment count once.

    Returns:
        One row per series: counts, mean, SD, CV (%), GMI (%), quantiles, times in ranges (% of readings), GRI, LBGI,
        HBGI, J-index, MODD and CONGA (mg/dL), episodes; ``is_enough`` says whether 70 % of 14 days are there.
        Formulas and sources stand in ``cgm.sql``.
    """
    with duckdb.connect(":memory:") as connection:
        connection.execute("set timezone = 'UTC'")
        connection.register("reading", readings)
        return connection.sql(_SQL.read_text()).to_arrow_table()


def profile(readings: pa.Table) -> pa.Table:
    """Return the ambulatory glucose profile: quantiles by series and hour of the day, mg/dL."""
    with duckdb.connect(":memory:") as connection:
        connection.execute("set timezone = 'UTC'")
        connection.register("reading", readings)
        return connection.sql("""
            select
                series,
                hour(happened_at) as hour,
                count(*) as readings,
                quantile_cont(mg_dl, 0.05) as p5_mg_dl,
                quantile_cont(mg_dl, 0.25) as p25_mg_dl,
                quantile_cont(mg_dl, 0.5) as median_mg_dl,
                quantile_cont(mg_dl, 0.75) as p75_mg_dl,
                quantile_cont(mg_dl, 0.95) as p95_mg_dl
            from reading
            where mg_dl is not null and happened_at is not null
            group by series, hour
            order by series, hour
        """).to_arrow_table()
