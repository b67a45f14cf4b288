"""Early warning scores and the air quality index, by the tables of their publications."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from lake.settings import PROJECT_DIR
from wearables.air_quality import air_quality_index
from wearables.early_warning import BadObservations, evaluate

WELL = {
    "respiratory_rate": 16, "oxygen_saturation": 97, "on_oxygen": False, "systolic_bp": 120, "heart_rate": 70,
    "consciousness": "alert", "body_temperature": 37.0,
}  # fmt: skip

# the chart of the Royal College of Physicians (2017), every edge of every band
NEWS2 = (
    ("respiratory_rate", {8: 3, 9: 1, 11: 1, 12: 0, 20: 0, 21: 2, 24: 2, 25: 3}),
    ("oxygen_saturation", {91: 3, 92: 2, 93: 2, 94: 1, 95: 1, 96: 0, 100: 0}),
    ("on_oxygen", {True: 2, False: 0}),
    ("systolic_bp", {90: 3, 91: 2, 100: 2, 101: 1, 110: 1, 111: 0, 219: 0, 220: 3}),
    ("heart_rate", {40: 3, 41: 1, 50: 1, 51: 0, 90: 0, 91: 1, 110: 1, 111: 2, 130: 2, 131: 3}),
    ("consciousness", {"alert": 0, "confusion": 3, "voice": 3, "pain": 3, "unresponsive": 3}),
    ("body_temperature", {35.0: 3, 35.1: 1, 36.0: 1, 36.1: 0, 38.0: 0, 38.1: 1, 39.0: 1, 39.1: 2}),
)
# scale 2: on air nothing above 92 % counts, on oxygen it does
SCALE_2 = {
    False: {83: 3, 84: 2, 85: 2, 86: 1, 87: 1, 88: 0, 92: 0, 93: 0, 97: 0},
    True: {83: 3, 84: 2, 85: 2, 86: 1, 87: 1, 88: 0, 92: 0, 93: 1, 94: 1, 95: 2, 96: 2, 97: 3, 100: 3},
}


def scored(name: str, *rows: dict[str, Any]) -> list[dict[str, Any]]:
    keys = {key for row in rows for key in row}
    table = pa.table({key: [None if row.get(key) is None else str(row[key]) for row in rows] for key in sorted(keys)})
    return evaluate(name, table).to_pylist()


def test_every_band_of_news2() -> None:
    cases = [(WELL | {name: value}, points) for name, bands in NEWS2 for value, points in bands.items()]
    found = scored("news2", *(row for row, _ in cases))
    assert [row["total"] for row in found] == [points for _, points in cases]


def test_scale_2_of_news2() -> None:
    cases = [
        (WELL | {"spo2_scale": 2, "on_oxygen": oxygen, "oxygen_saturation": value}, points + 2 * oxygen)
        for oxygen, bands in SCALE_2.items()
        for value, points in bands.items()
    ]
    found = scored("news2", *(row for row, _ in cases))
    assert [row["total"] for row in found] == [points for _, points in cases]
    (open_,) = scored("news2", WELL | {"spo2_scale": 2, "on_oxygen": None, "oxygen_saturation": 97})
    assert (open_["lowest_total"], open_["highest_total"], open_["total"]) == (0, 5, None)


def test_what_is_missing_is_never_normal() -> None:
    """A watch gives pulse, saturation and breathing: the rest may add up to 14 points (3 + 3 + 3 + 2 and oxygen)."""
    watch = {"heart_rate": 95, "oxygen_saturation": 95, "respiratory_rate": 22}
    (found,) = scored("news2", watch)
    assert (found["lowest_total"], found["highest_total"], found["total"]) == (4, 4 + 2 + 3 + 3 + 3, None)
    assert found["missing"] == ["on_oxygen", "systolic_bp", "consciousness", "body_temperature"]
    assert (found["lowest_level"], found["highest_level"]) == ("low", "high")
    assert found["points_systolic_bp"] is None


def test_words_as_charts_write_them() -> None:
    as_written = {"on_oxygen": "Yes", "consciousness": "V"}
    (found,) = scored("news2", {name: str(value) for name, value in WELL.items()} | as_written)
    assert (found["points_on_oxygen"], found["points_consciousness"], found["problem"]) == (2, 3, None)
    (found,) = scored("news2", {"on_oxygen": "0", "consciousness": "sleepy"})
    assert found["problem"].startswith("consciousness: not one of alert")


def test_levels_of_news2() -> None:
    """RCP 2017: 5 to 6 medium, 7 and more high, 3 in a single parameter low-medium."""
    rows = (
        WELL,
        WELL | {"heart_rate": 95},
        WELL | {"consciousness": "voice"},
        WELL | {"consciousness": "voice", "on_oxygen": True},
        WELL | {"consciousness": "voice", "on_oxygen": True, "heart_rate": 115},
    )
    assert [row["lowest_level"] for row in scored("news2", *rows)] == ["low", "low", "low_medium", "medium", "high"]


def test_qsofa_and_mews() -> None:
    """Singer 2016: breathing from 22, pressure to 100, any altered mentation. Subbe 2001, table 1."""
    found = scored(
        "qsofa",
        {"respiratory_rate": 22, "systolic_bp": 100, "glasgow_coma_scale": 14},
        {"respiratory_rate": 21, "systolic_bp": 101, "glasgow_coma_scale": 15},
        {"respiratory_rate": 22, "systolic_bp": 100},
    )
    assert [(row["lowest_total"], row["highest_total"]) for row in found] == [(3, 3), (0, 0), (2, 3)]
    assert [row["lowest_level"] for row in found] == ["positive", "negative", "positive"]
    well = {
        "systolic_bp": 120,
        "heart_rate": 70,
        "respiratory_rate": 12,
        "body_temperature": 37,
        "consciousness": "alert",
    }
    cases = (
        ("systolic_bp", {70: 3, 71: 2, 80: 2, 81: 1, 100: 1, 101: 0, 199: 0, 200: 2}),
        ("heart_rate", {39: 2, 41: 1, 50: 1, 51: 0, 100: 0, 101: 1, 110: 1, 111: 2, 129: 2, 130: 3}),
        ("respiratory_rate", {8: 2, 9: 0, 14: 0, 15: 1, 20: 1, 21: 2, 29: 2, 30: 3}),
        ("body_temperature", {34.9: 2, 35.0: 0, 38.4: 0, 38.5: 2}),
        ("consciousness", {"alert": 0, "voice": 1, "pain": 2, "unresponsive": 3}),
    )
    rows = [(well | {name: value}, points) for name, bands in cases for value, points in bands.items()]
    assert [one["total"] for one in scored("mews", *(row for row, _ in rows))] == [points for _, points in rows]


def test_values_that_cannot_be() -> None:
    found = scored("news2", WELL | {"heart_rate": "fast"}, WELL | {"consciousness": "asleep"}, WELL | {"heart_rate": 0})
    assert [row["total"] for row in found] == [None, None, None]
    assert all(row["problem"] for row in found)
    assert "fast" not in found[0]["problem"]
    with pytest.raises(BadObservations):
        evaluate("news2", pa.table({"shoe_size": ["44"]}))


def index(pollutant: str, value: float, day: str, unit: str) -> dict[str, Any]:
    table = pa.table({"date": [date.fromisoformat(day)], "pollutant": [pollutant], "value": [value], "unit": [unit]})
    return air_quality_index(table).to_pylist()[0]


def test_h26_examples_of_the_epa(shared_data: Path) -> None:
    """The EPA's technical document, with the tables of before 2015 (ozone) and 2024 (PM2.5)."""
    named = {
        "PM2.5": ("pm2_5_24h", "ug/m3"),
        "O3_8h": ("o3_8h", "ppm"),
        "O3_1h": ("o3_1h", "ppm"),
        "CO_8h": ("co_8h", "ppm"),
    }
    cases = json.loads((shared_data / "wearables/environment/aqi.json").read_text())["epa_doc_cases_pre_2024"]
    rows = [
        {"date": date(2014, 6, 1), "pollutant": named[pollutant][0], "value": value, "unit": named[pollutant][1]}
        for pollutant, value, _ in cases
        if pollutant in named
    ]
    found = air_quality_index(pa.Table.from_pylist(rows)).to_pylist()
    assert [row["aqi"] for row in found] == [expected for pollutant, _, expected in cases if pollutant in named]
    assert len(found) == 10


def test_the_table_of_2024(shared_data: Path) -> None:
    bands = json.loads((shared_data / "wearables/environment/aqi.json").read_text())["pm25_breakpoints_from_2024_05_06"]
    for low, high, index_low, index_high in bands:
        assert index("pm2_5_24h", low, "2024-05-06", "ug/m3")["aqi"] == index_low
        assert index("pm2_5_24h", high, "2024-05-06", "ug/m3")["aqi"] == index_high
    assert index("pm2_5_24h", 12.0, "2024-05-05", "ug/m3")["aqi"] == 50
    assert index("pm2_5_24h", 12.0, "2024-05-06", "ug/m3")["aqi"] == 56
    assert index("pm2_5_24h", 9.05, "2024-05-06", "ug/m3")["aqi"] == 50  # cut to 9.0, not rounded to 9.1


def test_air_that_has_no_index() -> None:
    assert index("pm2_5_24h", 400, "2025-01-01", "ug/m3")["problem"] == "beyond_the_table"
    assert index("o3_1h", 0.1, "2025-01-01", "ppm")["problem"] == "below_the_table"
    assert index("pm2_5_24h", 10, "2005-01-01", "ug/m3")["problem"] == "no_table_for_the_date"
    assert index("pm2_5_24h", 10, "2025-01-01", "ppm")["problem"] == "unknown_unit"
    assert index("argon", 10, "2025-01-01", "ppm")["problem"] == "unknown_pollutant"
    assert index("o3_8h", 70, "2025-01-01", "ppb")["aqi"] == 100


def test_a_day_is_of_the_place_where_the_person_lived_then() -> None:
    with duckdb.connect(":memory:") as connection:
        connection.execute("create schema core")
        connection.execute("""
            create table core.twin_person_home as select * from (values
                ('P', '130', date '1900-01-01', date '2019-06-01'), ('P', '270', date '2019-06-01', null),
                ('Q', '130', date '1900-01-01', null)
            ) as t(person_id, region_id, valid_from, valid_to)""")
        connection.execute("""
            create table core.environment_day as
            select region_id, date, case region_id when '130' then 9.0 else 20.0 end as pm2_5
            from (values ('130'), ('270')) as r(region_id), (values (date '2019-05-31'), (date '2019-06-01')) as d(date)
            """)
        connection.execute((PROJECT_DIR / "transform/published/twin_environment.sql").read_text())
        rows = connection.execute("select date::varchar, region_id, pm2_5 from core.twin_environment('P')").fetchall()
    assert rows == [("2019-05-31", "130", 9.0), ("2019-06-01", "270", 20.0)]
