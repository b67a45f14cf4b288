"""Landing extracts through the kernel: what is staged, what is refused, and that both add up."""

from __future__ import annotations

import csv
import gzip
import io
from datetime import date, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ehr.extract.reader import READERS
from lake.ingest import ingest
from lake.landing import describe
from lake.manifest import Entry
from lake.settings import Settings

LABS = "result_id,patient_id,code,test_name,value,unit,ref_range,collected_at,resulted_at,status\n"
GOOD = "R1,P1,GLU,Glucose,5.4,mmol/L,3.5-5.1,2024-03-01 08:30:00,2024-03-01 10:00:00,F\n"


def land(settings: Settings, content: bytes | str, name: str = "labs.csv", source: str = "clinic") -> Entry:
    """Put one file into landing and ingest it."""
    path = settings.landing / source / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return ingest(settings, READERS, {}, [describe(settings, path)])[0]


def rows(settings: Settings, entry: Entry, table: str) -> list[dict[str, object]]:
    path = settings.raw / table / f"{entry.file_id}.parquet"
    return pq.read_table(path).to_pylist() if path.exists() else []


def refused(settings: Settings, entry: Entry) -> list[tuple[str, str, str]]:
    path = settings.quarantine / f"{entry.file_id}.parquet"
    found = pq.read_table(path).to_pylist() if path.exists() else []
    return [(one["position"], one["reason"], one["detail"]) for one in found]


def test_a_plain_lab_extract(settings: Settings) -> None:
    entry = land(settings, LABS + GOOD + "R2,P1,CRP,C-reactive protein,<0.5,mg/L,<5,2024-03-01,2024-03-02,F\n")
    assert (entry.status, entry.format, entry.records_read, entry.records_accepted) == ("ingested", "extract", 2, 2)
    first, second = rows(settings, entry, "lab_result")
    assert (first["record_no"], first["code_system"]) == (1, "local")
    assert (first["value_text"], first["value_num"], first["comparator"]) == ("5.4", 5.4, None)
    assert (first["ref_low"], first["ref_high"]) == (3.5, 5.1)
    assert first["collected_at"] == datetime(2024, 3, 1, 8, 30)
    assert (first["source"], first["file_id"]) == ("clinic", entry.file_id)
    assert (second["value_text"], second["value_num"], second["comparator"]) == ("<0.5", 0.5, "<")
    assert (second["ref_low"], second["ref_high"]) == (None, 5.0)
    # A date without a time is known at its end, so that nothing is known too early.
    assert second["collected_at"] == datetime(2024, 3, 1)
    assert second["resulted_at"] == datetime(2024, 3, 3)


@pytest.mark.parametrize(
    ("content", "reason", "said"),
    [
        (b"\xef\xbb\xbf", "empty_file", "no header"),
        (b"\n\n", "empty_file", "no header"),
        (LABS.encode("utf-16"), "unsupported_encoding", "UTF-8"),
        (LABS.encode("utf-16-le"), "unsupported_encoding", "UTF-8"),
        (LABS.replace(",", ":").encode(), "missing_column", "one column only; the delimiter must be one of comma"),
        (LABS.replace("value", "wert").encode(), "missing_column", "expects a header with value or result"),
        (GOOD.encode(), "missing_column", "line 1"),
        (LABS.replace("unit", "Value").encode(), "duplicate_column", "2 times"),
        (b"PAR1 no parquet", "corrupt_parquet", "not a readable Parquet file"),
        (gzip.compress(LABS.encode() + GOOD.encode() * 200)[:-30], "corrupt_gzip", "gzip stream"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_one_clear_reason(
    settings: Settings, content: bytes, reason: str, said: str
) -> None:
    entry = land(settings, content)
    assert (entry.status, entry.reason) == ("rejected", reason)
    assert said in (entry.detail or "")
    assert "P1" not in (entry.detail or "")


def test_an_empty_file(settings: Settings) -> None:
    assert land(settings, b"").reason == "empty_file"


def test_a_header_without_rows_is_an_empty_delivery(settings: Settings) -> None:
    entry = land(settings, LABS)
    assert (entry.status, entry.records_read, entry.records_rejected) == ("ingested", 0, 0)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(settings: Settings, delimiter: str) -> None:
    entry = land(settings, (LABS + GOOD).replace(",", delimiter))
    assert rows(settings, entry, "lab_result")[0]["ref_high"] == 5.1


def test_byte_order_mark_crlf_blank_lines_and_quoted_header(settings: Settings) -> None:
    text = LABS.replace("result_id", '"Result_ID"') + "\n" + GOOD + "\n"
    entry = land(settings, b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert (entry.records_read, entry.records_accepted) == (1, 1)
    assert rows(settings, entry, "lab_result")[0]["result_id"] == "R1"
    assert entry.notes["blank_lines"] == "2"


def test_every_refused_row_says_line_column_and_reason(settings: Settings) -> None:
    text = (
        LABS
        + GOOD
        + GOOD.replace("P1", "")
        + 'R3,P1,GLU,"two\nlines",7,mmol/L,,2024-03-01 08:30:00,,F\n'
        + GOOD.replace("2024-03-01 08:30:00", "01.03.2024")
        + "R5,P1,GLU\n"
        + GOOD.replace("Glucose", 'Glu"cose')
        + GOOD.replace("Glucose", '"Glu"cose')
    )
    entry = land(settings, text)
    assert (entry.records_read, entry.records_accepted, entry.records_rejected) == (7, 3, 4)
    assert [row["record_no"] for row in rows(settings, entry, "lab_result")] == [1, 3, 6]
    assert sorted(refused(settings, entry)) == [
        ("line 3", "missing_value", "column 'patient_id' (patient_id): a value is required"),
        (
            "line 6",
            "invalid_timestamp",
            "column 'collected_at' (collected_at): expected a timestamp written as YYYY-MM-DD HH:MM[:SS] with or"
            " without offset",
        ),
        ("line 7", "wrong_column_count", "3 columns, the header has 10"),
        ("line 9", "bad_quoting", "text follows a closing quote, or a quote is never closed"),
    ]
    texts = pq.read_table(settings.quarantine / f"{entry.file_id}.parquet").column("text").to_pylist()
    assert "R5,P1,GLU" in texts
    assert GOOD.replace("P1", "").strip() in texts


def test_a_file_name_is_data(settings: Settings) -> None:
    (settings.landing / "clinic").mkdir(parents=True)
    (settings.landing / "clinic" / "labs_other.csv").write_text(LABS + GOOD * 5)
    entry = land(settings, LABS + GOOD, name="labs*'; drop [x] {a,b} ?.csv")
    assert entry.records_accepted == 1


def test_the_same_file_as_gzip_and_as_parquet(settings: Settings, tmp_path: Path) -> None:
    import duckdb

    text = LABS + GOOD
    plain = rows(settings, land(settings, text, "labs.csv"), "lab_result")
    zipped = rows(settings, land(settings, gzip.compress(text.encode()), "labs.csv.gz"), "lab_result")
    source = tmp_path / "in.csv"
    source.write_text(text)
    columnar = tmp_path / "labs.parquet"
    duckdb.connect().execute(
        f"copy (from read_csv('{source}', types={{'status': 'varchar'}})) to '{columnar}' (format parquet)"
    )
    parquet = rows(settings, land(settings, columnar.read_bytes(), "labs.parquet"), "lab_result")
    for one in (*plain, *zipped, *parquet):
        one.pop("file_id")
    assert plain == zipped == parquet


def test_local_times_become_utc_and_skipped_times_are_refused(settings: Settings) -> None:
    """New York: DST starts 2024-03-10 02:00 (skips to 03:00), ends 2024-11-03 02:00. https://www.nist.gov/pml/time-and-frequency-division/popular-links/daylight-saving-time-dst"""
    header = "result_id,mrn,test_code,loinc,value,unit,ref_low,ref_high,collected_at,resulted_at,status\n"
    line = "1,RV-1,A1C,4548-4,6.1,%,4,5.6,{},2024-12-01T00:00:00,F\n"
    times = ["2024-01-15T08:00:00", "2024-07-15T08:00:00", "2024-03-10T02:30:00", "2024-11-03T01:30:00"]
    times += ["2024-07-15T08:00:00+02:00", "2024-07-15T08:00:00Z"]
    entry = land(settings, header + "".join(line.format(t) for t in times), "labs_2024.csv", "riverside")
    assert entry.notes["mapping"] == "riverside_labs"
    staged = {row["record_no"]: row for row in rows(settings, entry, "lab_result")}
    assert {number: row["collected_at"] for number, row in staged.items()} == {
        1: datetime(2024, 1, 15, 13),
        2: datetime(2024, 7, 15, 12),
        4: datetime(2024, 11, 3, 6, 30),  # shown twice: the later one
        5: datetime(2024, 7, 15, 6),
        6: datetime(2024, 7, 15, 8),
    }
    assert [one[:2] for one in refused(settings, entry)] == [("line 4", "nonexistent_local_time")]
    assert (staged[1]["code_system"], staged[1]["code"]) == ("http://loinc.org", "4548-4")
    assert (staged[1]["ref_low"], staged[1]["ref_high"]) == (4.0, 5.6)


def test_people_accounts_and_samples_become_person_records(settings: Settings) -> None:
    people = land(
        settings,
        "mrn,family_name,given_name,birth_date,sex,phone,email,street,city,postal_code,deceased_on,updated_at\n"
        "RV-1,Doe,Jane,1961-02-03,F,555,j@x.org,1 Main St,Town,30012,2020-05-06,2015-01-01T08:00:00\n"
        "RV-2,Doe,Jim,1961-02-31,M,,,,,,,\n",
        "patients.csv",
        "riverside",
    )
    assert (people.records_accepted, people.records_rejected) == (1, 1)
    (person,) = rows(settings, people, "person_record")
    assert (person["person_key"], person["id_type"], person["sex"]) == ("RV-1", "mrn", "female")
    assert (person["birth_date"], person["death_date"]) == (date(1961, 2, 3), date(2020, 5, 6))
    assert person["recorded_at"] == datetime(2015, 1, 1, 13)  # 08:00 in New York
    accounts = land(
        settings,
        "account_id,platform,family,given,birth_date,email,phone,postal_code,enrolled_at\n"
        "A1,fitbit,Doe,Jane,1961-02-03,j@x.org,555,30012,2015-05-01\n",
        "accounts.csv",
    )
    (account,) = rows(settings, accounts, "person_record")
    assert (account["id_type"], account["other_system"], account["other_key"]) == ("account", "fitbit", "A1")
    samples = land(
        settings,
        "sample_id,hospital,mrn,family,given,birth_date,sex,collected_on,reported_on,assay\n"
        "S1,riverside,RV-1,Doe,Jane,1961-02-03,female,2015-06-01,2015-07-01,array\n",
        "sample_sheet.csv",
    )
    (sample,) = rows(settings, samples, "person_record")
    assert (sample["person_key"], sample["other_key"], sample["collected_date"]) == ("S1", "RV-1", date(2015, 6, 1))
    assert sample["recorded_at"] == datetime(2015, 7, 2)


def test_sodium_is_a_code_and_null_a_name(settings: Settings) -> None:
    entry = land(settings, LABS + GOOD.replace("GLU", "NA").replace(",F\n", ",NA\n"))
    (row,) = rows(settings, entry, "lab_result")
    assert (row["code"], row["status"]) == ("NA", None)
    people = land(settings, "mrn,last_name,birth_date\n1,Null,1970-01-01\n", "patients.csv")
    assert rows(settings, people, "person_record")[0]["family"] == "Null"


def test_vital_signs(settings: Settings) -> None:
    entry = land(
        settings,
        "patient_id,loinc,name,value,unit,measured_at,recorded_at\n"
        "P1,8867-4,Heart rate,62,/min,2024-03-01 08:30,2024-03-01 08:31\n"
        "P1,8867-4,Heart rate,fast,/min,2024-03-01 08:30,\n",
        "vitals_2024.csv",
    )
    one, two = rows(settings, entry, "vital_sign")
    assert (one["code_system"], one["code"]) == ("http://loinc.org", "8867-4")
    assert (one["value_num"], one["measured_at"]) == (62.0, datetime(2024, 3, 1, 8, 30))
    assert (two["value_num"], two["value_text"]) == (None, "fast")


OWN = """
name: my_labs
description: One row per result of our laboratory.
sources: [our_lab]
files: ["export_*.txt"]
table: {table}
delimiter: ";"
encoding: cp1252
zone: Europe/Berlin
columns:
  - {{to: patient_id, from: Patient, required: true}}
  - {{to: code, from: Analyt, required: true}}
  - {{to: value_num, from: Wert, decimal: ","}}
  - {{to: collected_at, from: Zeit, formats: ["%d.%m.%Y %H:%M"]}}
"""


def test_a_mapping_of_ones_own(settings: Settings) -> None:
    (settings.home / "mappings").mkdir(parents=True)
    (settings.home / "mappings" / "own.yaml").write_text(OWN.format(table="lab_result"))
    (settings.home / "mappings" / "broken.yaml").write_text("name: [")
    content = "Patient;Analyt;Wert;Zeit\nP1;Größe;1,5;01.07.2024 08:00\nP2;X;1.5.2;01.07.2024 08:00\n".encode("cp1252")
    entry = land(settings, content, "export_1.txt", "our_lab")
    assert (entry.records_accepted, entry.records_rejected) == (1, 1)
    (row,) = rows(settings, entry, "lab_result")
    assert (row["code"], row["value_num"], row["collected_at"]) == ("Größe", 1.5, datetime(2024, 7, 1, 6))
    assert land(settings, content + b"\n", "export_2.txt", "another").reason == "unknown_format"
    comma = land(settings, b"Patient,Analyt,Wert,Zeit\nP1,X,1,01.07.2024 08:00\n", "export_3.txt", "our_lab")
    assert comma.reason == "wrong_delimiter"


def test_a_mapping_may_declare_its_own_table(settings: Settings) -> None:
    (settings.home / "mappings").mkdir(parents=True)
    own = OWN.format(table="our_result").replace("value_num, from: Wert", "value_num, type: number, from: Wert")
    (settings.home / "mappings" / "own.yaml").write_text(own)
    entry = land(settings, "Patient;Analyt;Wert;Zeit\nP1;X;1,5;01.07.2024 08:00\n", "export_1.txt", "our_lab")
    assert rows(settings, entry, "our_result")[0]["value_num"] == 1.5


CELL = st.sampled_from(
    ["", "P1", "7.25", "<3", "abc", "2024-02-30 10:00:00", "2024-02-29 10:00:00", 'q"', "ä,b", "x\ny"]
)


@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(table=st.lists(st.lists(CELL, min_size=3, max_size=5), max_size=15), data=st.data())
def test_every_row_is_staged_or_quarantined_and_values_are_those_of_the_csv_module(
    settings: Settings, table: list[list[str]], data: st.DataObject
) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows(table)
    content = "patient_id,code,value,collected_at\n" + out.getvalue()
    entry = land(settings, content, f"labs_{data.draw(st.integers(0, 10**9))}.csv")
    if entry.status == "rejected":
        raise AssertionError(entry.detail)
    assert entry.records_read == entry.records_accepted + entry.records_rejected == len(table)
    staged = {row["record_no"]: row for row in rows(settings, entry, "lab_result")}
    for number, record in enumerate(csv.reader(io.StringIO(out.getvalue(), newline="")), start=1):
        good = len(record) == 4 and all(record) and record[3] == "2024-02-29 10:00:00"
        assert (number in staged) == good
        if good:
            row = staged[number]
            assert [row["patient_id"], row["code"], row["value_text"]] == [cell.strip() for cell in record[:3]]
            assert row["value_num"] == {"7.25": 7.25, "<3": 3.0}.get(record[2])
