"""Text to typed value: what each declared type accepts, and the parts of results and reference ranges."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import duckdb
import pytest

from ehr.extract.engine import run
from ehr.extract.mapping import Mapping, table_of
from lake.quarantine import Rejected


def value(tmp_path: Path, text: str, **column: object) -> object:
    """The value of ``text`` in a column, or the reason for which the row is refused."""
    mapping = Mapping.model_validate(
        {
            "name": "one",
            "description": "One row per value.",
            "files": ["one.csv"],
            "table": "one",
            "columns": [{"to": "x", **column}, {"to": "key", "type": "string"}],
        }
    )
    path = tmp_path / "one.csv"
    path.write_text(f'x,key\n"{text}",k\n', encoding="utf-8")
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    found: list[object] = []
    refused: list[Rejected] = []
    run(
        path,
        mapping,
        table_of(mapping, {}),
        connection,
        accept=lambda query: found.append(connection.execute(f"select x from ({query})").fetchall()[0][0]),
        reject=refused.append,
    )
    assert len(found) + len(refused) == 1
    return found[0] if found else refused[0].reason


@pytest.mark.parametrize(
    ("text", "expected"),
    [("12", 12), ("-007", -7), ("1.5", "invalid_integer"), ("1_000", "invalid_integer"), ("", None)]
    + [(text, "invalid_integer") for text in ("1e3", " 5", "0x10", "9223372036854775808", "١٢")],
)
def test_integers(tmp_path: Path, text: str, expected: object) -> None:
    assert value(tmp_path, text, type="integer") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1.5", 1.5), (".5", 0.5), ("-1e3", -1000.0), ("5.", 5.0), ("", None)]
    + [(text, "invalid_number") for text in ("nan", "inf", "1e400", "1_000", "1,5", "5 mg", "-", "0x10")],
)
def test_numbers(tmp_path: Path, text: str, expected: object) -> None:
    assert value(tmp_path, text, type="number") == expected


def test_decimal_comma(tmp_path: Path) -> None:
    assert value(tmp_path, "1,5", type="number", decimal=",") == 1.5


@pytest.mark.parametrize(
    ("text", "expected"),
    [("2024-02-29", date(2024, 2, 29)), ("2023-02-29", "invalid_date"), ("2024-02-29 10:00:00", "invalid_date")]
    + [(text, "invalid_date") for text in ("epoch", "infinity", "01/02/2024", "0001-01-01 (BC)")],
)
def test_dates(tmp_path: Path, text: str, expected: object) -> None:
    assert value(tmp_path, text, type="date") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-05 08:30:00", datetime(2024, 1, 5, 8, 30)),
        ("2024-01-05T08:30", datetime(2024, 1, 5, 8, 30)),
        ("2024-01-05T08:30:00.123456", datetime(2024, 1, 5, 8, 30, 0, 123456)),
        ("2024-01-05T08:30:00+01:00", datetime(2024, 1, 5, 7, 30)),
        ("2024-01-05T08:30:00-0530", datetime(2024, 1, 5, 14, 0)),
        ("2024-01-05 08:30:00+01", datetime(2024, 1, 5, 7, 30)),
        ("2024-01-05T08:30:00Z", datetime(2024, 1, 5, 8, 30)),
        ("2024-01-05 08:30:00 UTC", datetime(2024, 1, 5, 8, 30)),
        ("2024-01-05", datetime(2024, 1, 5)),
        ("2024-01-05 08:61:00", "invalid_timestamp"),
        ("2024-01-05 08:30:00 Europe/Berlin", "invalid_timestamp"),
        ("infinity", "invalid_timestamp"),
    ],
)
def test_timestamps(tmp_path: Path, text: str, expected: object) -> None:
    assert value(tmp_path, text, type="timestamp") == expected


def test_timestamp_formats_with_and_without_offset(tmp_path: Path) -> None:
    formats = ["%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M %z", "%d.%m.%Y"]
    told = {"type": "timestamp", "formats": formats, "zone": "Europe/Berlin"}
    assert value(tmp_path, "05.01.2024 08:30", **told) == datetime(2024, 1, 5, 7, 30)
    assert value(tmp_path, "05.01.2024 08:30 +0000", **told) == datetime(2024, 1, 5, 8, 30)
    assert value(tmp_path, "05.01.2024", **told) == datetime(2024, 1, 4, 23)
    assert value(tmp_path, "05.01.2024", **told, date_only="end") == datetime(2024, 1, 5, 23)
    assert value(tmp_path, "2024-01-05 08:30", **told) == "invalid_timestamp"


def test_a_date_where_a_time_is_needed(tmp_path: Path) -> None:
    assert value(tmp_path, "2024-01-05", type="timestamp", date_only="reject") == "invalid_timestamp"


@pytest.mark.parametrize(
    ("text", "number", "comparator"),
    [
        ("<5", 5.0, "<"),
        ("<= 0.05", 0.05, "<="),
        ("≥ 90", 90.0, ">="),
        ("=>7", 7.0, ">="),
        ("7.2", 7.2, None),
        ("NEGATIVE", None, None),
        ("<5 mg", None, None),
        ("1+", None, None),
    ],
)
def test_censored_results(tmp_path: Path, text: str, number: object, comparator: object) -> None:
    assert value(tmp_path, text, type="number", part="number", invalid="null") == number
    assert value(tmp_path, text, part="comparator") == comparator


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("3.5-5.1", 3.5, 5.1),
        ("3.5 – 5.1", 3.5, 5.1),
        ("-2 to 2", -2.0, 2.0),
        ("<5.0", None, 5.0),
        (">= 60", 60.0, None),
        ("negative", None, None),
    ],
)
def test_reference_ranges(tmp_path: Path, text: str, low: object, high: object) -> None:
    assert value(tmp_path, text, type="number", part="low", invalid="null") == low
    assert value(tmp_path, text, type="number", part="high", invalid="null") == high


def test_value_maps(tmp_path: Path) -> None:
    sex = {"values": {"M": "male", "F": "female", "?": None}}
    assert value(tmp_path, "m ", **sex) == "male"
    assert value(tmp_path, "x", **sex) == "x"
    assert value(tmp_path, "x", **sex, unlisted="null") is None
    assert value(tmp_path, "x", **sex, unlisted="reject") == "unlisted_value"
    assert value(tmp_path, "?", **sex, unlisted="reject") is None
    assert value(tmp_path, "Y", type="boolean") is True
    assert value(tmp_path, "perhaps", type="boolean") == "invalid_boolean"


def test_required_and_null_strings(tmp_path: Path) -> None:
    assert value(tmp_path, "NA", required=True) == "NA"
    assert value(tmp_path, "NA", required=True, nulls=["NA"]) == "missing_value"
    assert value(tmp_path, "NA", type="number", nulls=["NA", ""]) is None


def test_values_from_several_columns(tmp_path: Path) -> None:
    assert value(tmp_path, "a", coalesce=["absent", "x", "key"]) == "a"
    assert value(tmp_path, "", coalesce=["x", "key"]) == "k"
    assert value(tmp_path, "a", concat=["x", "key"], separator="-") == "a-k"
    assert value(tmp_path, "a", constant="it's") == "it's"
    assert value(tmp_path, "a", **{"from": "x"}, present="yes", absent="no") == "yes"
    assert value(tmp_path, "", **{"from": "x"}, present="yes", absent="no") == "no"
