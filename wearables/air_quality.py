"""The air quality index of the US EPA, by the table that was in force on the day
(``seeds/environment/aqi_breakpoint.csv``).

A concentration is cut (not rounded) to the digits of the table and interpolated in its band (40 CFR 58, appendix G).
Which average a value is (24 h, 8 h, 1 h) is part of the pollutant's name, because each has a table of its own.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from lake.settings import PROJECT_DIR
from lake.sql_macros import macros

_TABLE = PROJECT_DIR / "transform" / "seeds" / "environment" / "aqi_breakpoint.csv"
_TYPES = {
    "pollutant": "varchar",
    "unit": "varchar",
    "digits": "integer",
    "valid_from": "date",
    "valid_to": "date",
    "low": "double",
    "high": "double",
    "index_low": "integer",
    "index_high": "integer",
    "source": "varchar",
}


def air_quality_index(measurements: pa.Table) -> pa.Table:
    """Index each measurement.

    Args:
        measurements: ``date`` (date), ``pollutant`` (``pm2_5_24h``, ``pm10_24h``, ``o3_8h``, ``o3_1h``, ``co_8h``,
            ``so2_1h``, ``no2_1h``), ``value`` and ``unit``; further columns are kept.

    Returns:
        The columns given, then ``aqi``, ``category``, ``table_source`` (where the table was published) and ``problem``
        (why there is no index). The index of a place and day is the largest of its pollutants'.
    """
    with duckdb.connect(":memory:") as connection:
        connection.execute(
            f"create table breakpoint as select * from read_csv($1, header = true, auto_detect = false, delim = ',',"
            f" nullstr = '', columns = {_TYPES!r})",
            [str(_TABLE)],
        )
        connection.register("measurement", measurements)
        return connection.sql(
            macros("air_quality").air_quality_index("measurement", "breakpoint") + " order by row_no"
        ).to_arrow_table()


def pollutants() -> list[str]:
    """What the table knows."""
    with duckdb.connect(":memory:") as connection:
        rows = connection.execute("select distinct pollutant from read_csv($1) order by 1", [str(_TABLE)]).fetchall()
        return [row[0] for row in rows]
