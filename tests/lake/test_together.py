"""Small files read in one go: the same outcome, file by file, as each read alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from lake import landing
from lake.ingest import ingest
from lake.manifest import Entry
from lake.quarantine import BadFile
from lake.reader import Landed, Reader
from lake.settings import Settings
from lake.together import RECORDS_PER_FILE, NotTogether, Together
from tests.lake.reader_of_lines import LINES

CALLS: list[int] = []


def _read_together(files: Sequence[Landed], group: Together) -> None:
    CALLS.append(len(files))
    for number, landed in enumerate(files):
        lines = landed.path.read_text().splitlines()
        if "break" in lines:
            raise NotTogether
        if lines[0] == "refuse me":
            group.refuse(number, BadFile("refused", "the first line asks for it"))
            continue
        numbers, values = [], []
        for own, line in enumerate(lines, 1):
            record_no = number * RECORDS_PER_FILE + own
            if line.isdigit():
                numbers.append(record_no)
                values.append(float(line))
            else:
                group.reject(f"line {own}", "not_a_number", "expected a number", record_no=record_no, text=line)
        group.write("number", pa.table({"record_no": pa.array(numbers, pa.int64()), "value": values}))
        group.of(number).count(read=len(lines), accepted=len(numbers))


KIN: Reader = replace(LINES, kinship=lambda landed: "numbers", read_together=_read_together)


def outcome(settings: Settings, reader: Reader, contents: Sequence[str]) -> dict[str, tuple[object, ...]]:
    for number, content in enumerate(contents):
        path = settings.landing / "lab" / f"account=a{number}" / f"f{number}.num"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    entries = ingest(settings, [reader], {}, landing.pending(settings))
    return {entry.file_id: _seen(settings, entry) for entry in entries}


def _seen(settings: Settings, entry: Entry) -> tuple[object, ...]:
    raw = settings.raw / "number" / f"{entry.file_id}.parquet"
    bad = settings.quarantine / f"{entry.file_id}.parquet"
    return (
        entry.status,
        entry.reason,
        entry.records_read,
        entry.records_accepted,
        entry.records_rejected,
        entry.rows,
        pq.read_table(raw).to_pylist() if raw.exists() else None,
        pq.read_table(bad).to_pylist() if bad.exists() else None,
    )


LINE = st.sampled_from(["1", "2", "30", "x", "y"])
CONTENT = st.lists(LINE, min_size=1, max_size=5).map("\n".join) | st.sampled_from(["break", "refuse me"])


@examples(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(contents=st.lists(CONTENT, min_size=1, max_size=9, unique=True))
def test_reading_together_changes_nothing_but_the_time(contents: list[str], tmp_path: Path) -> None:
    run = len(list(tmp_path.iterdir()))
    together, alone = (Settings(home=tmp_path / f"{kind}{run}", threads=2) for kind in ("together", "alone"))
    assert outcome(together, KIN, contents) == outcome(alone, LINES, contents)


def test_small_files_of_a_kind_are_read_in_as_many_portions_as_there_are_hands(settings: Settings) -> None:
    CALLS.clear()
    outcome(settings, KIN, [str(number) for number in range(40)])
    assert CALLS == [20, 20]


def test_the_file_to_blame_is_found_by_halves_and_the_rest_stays_together(settings: Settings) -> None:
    CALLS.clear()
    found = outcome(settings, KIN, [*(str(number) for number in range(31)), "break"])
    assert [one[:2] for one in found.values()].count(("ingested", None)) == 31
    assert [one[:2] for one in found.values()].count(("rejected", "reader_failed")) == 1
    assert len(CALLS) < 10
