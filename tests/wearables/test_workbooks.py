"""Glucose logs saved as Excel workbooks (ECMA-376), written here part by part; attacks on them are refused."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime
from xml.sax.saxutils import escape

import pytest

from lake.quarantine import BadFile
from tests.wearables.conftest import ReadFile

MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
LIBRE = ["Device", "Serial Number", "Device Timestamp", "Record Type", "Historic Glucose mmol/L", "Scan Glucose mmol/L"]
CLARITY = ["Index", "Timestamp (YYYY-MM-DDThh:mm:ss)", "Event Type", "Patient Info", "Device Info", "Source Device ID"]


def cell(place: str, value: object, texts: list[str]) -> str:
    if isinstance(value, datetime):
        days = (value - datetime(1899, 12, 30)).total_seconds() / 86400
        return f'<c r="{place}" s="1"><v>{days!r}</v></c>'
    if isinstance(value, float | int):
        return f'<c r="{place}"><v>{value}</v></c>'
    if value is None:
        return ""
    texts.append(str(value))
    return f'<c r="{place}" t="s"><v>{len(texts) - 1}</v></c>'


def workbook(rows: list[list[object]], prefix: str = "") -> bytes:
    texts: list[str] = []
    lines = "".join(
        f'<row r="{n}">' + "".join(cell(f"{chr(65 + k)}{n}", value, texts) for k, value in enumerate(row)) + "</row>"
        for n, row in enumerate(rows, 1)
    )
    parts = {
        "xl/workbook.xml": f"<workbook {MAIN}/>",
        "xl/styles.xml": f"<styleSheet {MAIN}><numFmts>"
        '<numFmt numFmtId="170" formatCode="dd\\-mm\\-yyyy hh:mm"/></numFmts>'
        '<cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs>'
        '<xf numFmtId="0"/><xf numFmtId="170"/></cellXfs></styleSheet>',
        "xl/worksheets/sheet1.xml": f"{prefix}<worksheet {MAIN}><sheetData>{lines}</sheetData></worksheet>",
        "xl/sharedStrings.xml": f"<sst {MAIN}>" + "".join(f"<si><t>{escape(one)}</t></si>" for one in texts) + "</sst>",
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return packed.getvalue()


def test_libre_view_workbook_in_mmol_with_dates_as_numbers(read_file: ReadFile) -> None:
    found = read_file(
        workbook(
            [
                ["Glucose Data", "Generated on"],
                LIBRE,
                ["FreeStyle LibreLink", "1D3", "28-02-2024 23:45", 0, 5.6, None],
                ["FreeStyle LibreLink", "1D3", "29-02-2024 00:00", 0, "LO", None],
                ["FreeStyle LibreLink", "1D3", "29-02-2024 00:15", 1, None, "HI"],
            ]
        ),
        "libre.xlsx",
    )
    assert found.format == "libre_view"
    assert [(row["value"], row["censor"]) for row in found.samples] == [
        (pytest.approx(5.6 * 18.0182), None),
        (pytest.approx(40), "<="),
        (pytest.approx(500), ">="),
    ]


def test_clarity_workbook_with_dates_as_numbers(read_file: ReadFile) -> None:
    header = [*CLARITY, "Glucose Value (mmol/L)"]
    rows = [
        ["1", datetime(2024, 1, 1, 0, 5), "EGV", None, None, "G7", 5.5],
        ["2", datetime(2024, 1, 1, 0, 10), "EGV", None, None, "G7", "High"],
    ]
    found = read_file(workbook([header, *rows]), "clarity.xlsx")
    assert found.format == "dexcom_clarity"
    assert [(row["start_at"], row["value"], row["censor"]) for row in found.samples] == [
        (datetime(2024, 1, 1, 0, 5), pytest.approx(5.5 * 18.0182), None),
        (datetime(2024, 1, 1, 0, 10), pytest.approx(401), ">="),
    ]


def test_a_declared_table_may_be_a_workbook(read_file: ReadFile) -> None:
    rows: list[list[object]] = [["Id", "ActivityHour", "StepTotal"], [7, "4/12/2016 1:00:00 AM", 120]]
    (row,) = read_file(workbook(rows), "hourlySteps_merged.xlsx").samples
    assert (row["value"], row["subject"], row["start_at"]) == (120, "7", datetime(2016, 4, 12, 1))


@pytest.mark.parametrize(
    "prefix",
    ['<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>', '<!DOCTYPE lolz [<!ENTITY a "aaaa">]>', "<open>"],
)
def test_entities_and_broken_sheets_are_refused(read_file: ReadFile, prefix: str) -> None:
    header = [*CLARITY, "Glucose Value (mg/dL)"]
    good = workbook([header, ["1", "2024-01-01T00:00:00", "EGV", None, None, "G7", 100]])
    assert len(read_file(good, "good.xlsx").samples) == 1
    with pytest.raises(BadFile):
        read_file(workbook([header], prefix), "bad.xlsx")


def test_a_sheet_that_unpacks_without_end_is_refused(read_file: ReadFile) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        rows = ",".join([*CLARITY, "Glucose Value (mg/dL)"])
        archive.writestr(
            "xl/worksheets/sheet1.xml",
            f"<worksheet {MAIN}><sheetData><row>"
            + "".join(f'<c t="inlineStr"><is><t>{name}</t></is></c>' for name in rows.split(","))
            + "</row>" + " " * (70 << 20) + "</sheetData></worksheet>",
        )  # fmt: skip
    with pytest.raises(BadFile, match="bytes"):
        read_file(packed.getvalue(), "bomb.xlsx")
