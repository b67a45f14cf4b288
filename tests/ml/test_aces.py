"""ACES's own end-to-end cases: their events, their task files, the labels they expect (shared vectors, MIT)."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pytest
import yaml
from typer.testing import CliRunner

from ml import aces
from ml.aces import BadTask
from orchestration.cli.program import app

TIME = "%m/%d/%Y %H:%M"
SCHEMA = pa.schema(
    [("subject_id", pa.int64()), ("time", pa.timestamp("us")), ("code", pa.string()), ("numeric_value", pa.float64())]
)


def _events(text: str) -> pa.Table:
    rows = csv.DictReader(io.StringIO("\n".join(line.strip() for line in text.strip().splitlines())))
    return pa.Table.from_pylist(
        [
            {
                "subject_id": int(row["subject_id"]),
                "time": datetime.strptime(row["time"], TIME) if row["time"] else None,
                "code": row["code"],
                "numeric_value": float(row["numeric_value"]) if row.get("numeric_value") else None,
            }
            for row in rows
        ],
        schema=SCHEMA,
    )


def _wanted(text: str) -> list[tuple[int, datetime, bool]]:
    rows = csv.DictReader(io.StringIO("\n".join(line.strip() for line in text.strip().splitlines())))
    return [
        (int(row["subject_id"]), datetime.strptime(row["prediction_time"], TIME), row["boolean_value"] == "True")
        for row in rows
    ]


def test_every_shard_of_the_published_case_gets_the_published_labels(shared_data: Path) -> None:
    case = json.loads((shared_data / "ml/vectors/aces/test_meds.json").read_text())["objects"]
    shards, wanted = (yaml.safe_load(case[name][0]) for name in ("MEDS_SHARDS", "WANT_SHARDS"))
    task = yaml.safe_load(case["TASK_CFG"][0])
    labelled = 0
    for name, events in shards.items():
        rows = aces.extract(_events(events), task).to_pylist()
        found = [(row["subject_id"], row["prediction_time"], row["boolean_value"]) for row in rows]
        assert found == _wanted(wanted[name]), name
        labelled += len(found)
    assert labelled >= 2
    # the window data of the case name the trigger
    expected = json.loads(case["WANT_HELD_OUT_WINDOW_DATA"][0])[0]
    (row,) = aces.extract(_events(shards["held_out"]), task).to_pylist()
    assert row["trigger_time"] == datetime.fromisoformat(expected["trigger"])


@pytest.mark.parametrize(
    "name",
    [
        "abnormal_lab",
        "imminent_mortality",
        "inhospital_mortality",
        "intervention_weaning",
        "long_term_recurrence",
        "readmission_risk",
    ],
)
def test_every_published_task_file_runs(shared_data: Path, name: str) -> None:
    folder = shared_data / "ml/vectors/aces"
    case = json.loads((folder / "test_meds.json").read_text())["objects"]
    events = _events(yaml.safe_load(case["MEDS_SHARDS"][0])["held_out"])
    rows = aces.extract(events, aces.load(folder / f"{name}.yaml")).to_pylist()
    assert all(row["prediction_time"] is not None for row in rows)
    if name == "readmission_risk":
        # by hand: stays end 1989-12-02 15:00 and 1991-01-31 02:15; the next admissions, 1991-01-27 and 1991-03-03, are
        # both more than 30 days later
        assert [(row["prediction_time"], row["boolean_value"]) for row in rows] == [
            (datetime(1989, 12, 2, 15, 0), False),
            (datetime(1991, 1, 31, 2, 15), False),
        ]


def test_what_cannot_be_resolved_is_said(tmp_path: Path) -> None:
    events = _events("subject_id,time,code,numeric_value\n1,1/1/2020 00:00,A,\n")
    good = {
        "predicates": {"a": {"code": "A"}},
        "trigger": "a",
        "windows": {"w": {"start": "trigger", "end": "start + 1d"}},
    }
    assert aces.extract(events, good).num_rows == 1
    cases = (
        ({"trigger": "b"}, "no predicate 'b'"),
        ({"windows": {"w": {"start": "end - 1d", "end": "start + 1d"}}}, "refer to each other"),
        ({"windows": {"w": {"start": "trigger", "end": "start + soon"}}}, "no duration"),
        ({"windows": {"w": {"start": "trigger", "end": "start + 1d", "has": {"a": "many"}}}}, "no count"),
        ({"predicates": {"a": {"code": "A"}, "c": {"expr": "or(a, nothing)"}}}, "no predicate explains"),
    )
    for change, words in cases:
        with pytest.raises(BadTask, match=words):
            aces.extract(events, good | change)
    (tmp_path / "t.yaml").write_text("- 1\n")
    with pytest.raises(BadTask, match="is no task"):
        aces.load(tmp_path / "t.yaml")


def test_twin_ml_aces(tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_text(
        "subject_id,time,code,numeric_value\n7,2020-01-01 00:00:00,A,\n7,2020-01-01 12:00:00,B,3\n"
    )
    task = {
        "predicates": {"a": {"code": "A"}, "b": {"code": "B", "value_min": 3, "value_min_inclusive": True}},
        "trigger": "a",
        "windows": {"w": {"start": "trigger", "end": "start + 1d", "label": "b", "index_timestamp": "start"}},
    }
    (tmp_path / "task.yaml").write_text(yaml.safe_dump(task))
    done = CliRunner().invoke(app, ["ml", "aces", str(tmp_path / "task.yaml"), str(tmp_path / "events.csv"), "--json"])
    assert done.exit_code == 0, done.stderr
    (row,) = json.loads(done.stdout)
    assert (row["subject_id"], row["boolean_value"]) == ("7", True)
    (tmp_path / "events.csv").write_text("who,time\n7,2020-01-01\n")
    done = CliRunner().invoke(app, ["ml", "aces", str(tmp_path / "task.yaml"), str(tmp_path / "events.csv")])
    assert done.exit_code == 1
    assert "lack subject_id" in done.stderr
