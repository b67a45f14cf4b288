"""Landing to raw: accounting, idempotence, refusal, contracts, crashes."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from lake import contracts, landing, manifest
from lake.contracts import Expectation
from lake.ingest import ingest
from lake.manifest import Entry
from lake.reader import Landed, Reader
from lake.settings import Settings
from lake.sink import Sink
from tests.lake.reader_of_lines import LINES, NUMBER


def drop(settings: Settings, name: str, content: str, source: str = "lab") -> Path:
    path = settings.landing / source / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def run(settings: Settings, contract: contracts.Contracts | None = None, reader: Reader = LINES) -> list[Entry]:
    return ingest(settings, [reader], contract or {}, landing.pending(settings))


def by_name(found: list[Entry]) -> dict[str, Entry]:
    return {Path(entry.path).name: entry for entry in found}


def test_good_lines_are_staged_and_bad_ones_quarantined_with_position_reason_and_text(settings: Settings) -> None:
    drop(settings, "account=a7/one.num", "1\nx\n3\n")
    (entry,) = run(settings)
    assert (entry.status, entry.records_read, entry.records_accepted, entry.records_rejected) == ("ingested", 3, 2, 1)
    raw = pq.read_table(settings.raw / "number" / f"{entry.file_id}.parquet")
    assert raw.schema.names == NUMBER.raw_schema.names
    delivery = {"source": "lab", "account": "a7", "file_id": entry.file_id}
    assert raw.to_pylist()[1] == {"record_no": 3, "value": 3.0, **delivery}
    (rejected,) = pq.read_table(settings.quarantine / f"{entry.file_id}.parquet").to_pylist()
    assert (rejected["position"], rejected["reason"], rejected["text"]) == ("line 2", "not_a_number", "x")


def test_the_same_bytes_under_another_name_are_one_file(settings: Settings) -> None:
    drop(settings, "one.num", "1\n")
    drop(settings, "two.num", "1\n")
    assert len(run(settings)) == 1
    assert landing.pending(settings) == []


def test_copies_in_one_call_are_each_read(settings: Settings) -> None:
    paths = [drop(settings, f"{name}.num", "1\nx\n") for name in ("one", "two")]
    entries = ingest(settings, [LINES], {}, [landing.describe(settings, path) for path in paths])
    assert [(entry.status, entry.records_read) for entry in entries] == [("ingested", 2)] * 2
    assert len(manifest.entries(settings)) == 1


def test_one_bad_file_does_not_stop_the_others(settings: Settings) -> None:
    contents = {"a.num": "refuse me", "b.num": "break", "c.num": "", "d.xyz": "?", "e.num": "5\n"}
    for name, content in contents.items():
        drop(settings, name, content)
    found = by_name(run(settings))
    assert {name: entry.reason for name, entry in found.items()} == {
        "a.num": "refused",
        "b.num": "reader_failed",
        "c.num": "empty_file",
        "d.xyz": "unknown_format",
        "e.num": None,
    }
    assert "42" not in (found["b.num"].detail or ""), "messages of exceptions may quote data"
    assert pq.read_table(settings.quarantine / f"{found['a.num'].file_id}.parquet").num_rows == 1


def test_a_file_that_grows_while_it_is_read_leaves_no_trace_and_is_read_again(settings: Settings) -> None:
    drop(settings, "grow.num", "1\n2\n")

    def read_while_growing(landed: Landed, sink: Sink) -> None:
        LINES.read(landed, sink)
        with landed.path.open("a") as file:
            file.write("3\n")

    (entry,) = run(settings, reader=Reader("lines", "", LINES.tables, LINES.matches, read_while_growing))
    assert entry.status == "growing"
    assert manifest.entries(settings) == []
    assert not list(settings.raw.rglob("*.parquet"))
    (entry,) = run(settings)
    assert (entry.status, entry.records_accepted) == ("ingested", 3)


def test_records_that_do_not_add_up_refuse_the_file(settings: Settings) -> None:
    drop(settings, "one.num", "1\n")

    def miscount(landed: Landed, sink: Sink) -> None:
        LINES.read(landed, sink)
        sink.count(read=1, accepted=0)

    (entry,) = run(settings, reader=Reader("lines", "", LINES.tables, LINES.matches, miscount))
    assert (entry.status, entry.reason) == ("rejected", "unbalanced")


def test_a_breached_contract_quarantines_rows_or_refuses_the_file(settings: Settings) -> None:
    between = "column_values_to_be_between"
    contract = {
        "number": [
            Expectation(expect=between, column="value", min_value=0, severity="warning"),
            Expectation(expect=between, column="value", max_value=100, severity="critical", mostly=0.6),
        ]
    }
    for name, content in {"a.num": "1\n-2\n3\n", "b.num": "1000\n2000\n3\n", "c.num": "1\n2\n3000\n"}.items():
        drop(settings, name, content)
    found = by_name(run(settings, contract))
    a, b, c = found["a.num"], found["b.num"], found["c.num"]
    assert (a.status, a.records_accepted, a.records_rejected, a.rows) == ("ingested", 2, 1, {"number": 2})
    assert (b.status, b.reason) == ("rejected", "contract_breached")
    assert (c.status, c.rows) == ("ingested", {"number": 2})
    assert all(entry.balanced for entry in found.values())
    (row,) = pq.read_table(settings.quarantine / f"{a.file_id}.parquet").to_pylist()
    assert (row["position"], row["reason"], row["target_table"]) == ("record 2", "be_between", "number")
    assert not (settings.raw / "number" / f"{b.file_id}.parquet").exists()


def test_the_manifest_entry_is_what_commits_a_file(settings: Settings) -> None:
    drop(settings, "one.num", "1\n2\n")
    (first,) = run(settings)
    manifest.path_of(settings, first.file_id).unlink()
    (again,) = run(settings)
    assert again.rows == first.rows
    assert len(list((settings.raw / "number").glob("*.parquet"))) == 1


def test_derived_tables_tell_what_arrived_and_what_was_refused(settings: Settings) -> None:
    drop(settings, "one.num", "1\nx\n")
    drop(settings, "empty.num", "")
    run(settings)
    assert manifest.write_tables(settings) == {"landing_file": 2, "rejected_record": 2}
    rows = duckdb.sql(f"select reason from '{settings.derived}/rejected_record/all.parquet' order by 1").fetchall()
    assert rows == [("empty_file",), ("not_a_number",)]


def test_landing_refuses_names_that_leave_the_folder_and_passes_links_over(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "one.num").write_text("1\n")
    for bad in ("../x", "", "a/b", ".hidden"):
        with pytest.raises(landing.BadName):
            landing.land(settings, tmp_path / "one.num", bad)
    (copied,) = landing.land(settings, tmp_path / "one.num", "lab", account="a7")
    assert copied.status == "landed"
    (again,) = landing.land(settings, tmp_path / "one.num", "lab")
    assert again.status == "known"
    (settings.landing / "lab" / "link.num").symlink_to(tmp_path / "one.num")
    (landed,) = landing.pending(settings)
    assert (landed.source, landed.account) == ("lab", "a7")


def test_scratch_of_a_killed_process_is_cleared(settings: Settings) -> None:
    abandoned = settings.lake / "work" / "999999999"
    abandoned.mkdir(parents=True)
    run(settings)
    assert not abandoned.exists()
