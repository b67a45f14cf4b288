"""Features of people at moments that a file names, as the command gives them out."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from lake.settings import Settings
from ml.features.at import NotAFeatureRequest, features_at
from ml.features.spec import load_set
from tests.ml.core_fixture import write_core

MOMENT = datetime(2021, 1, 1)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = Settings(home=tmp_path_factory.mktemp("home"), threads=2)
    write_core(settings, people=40)
    return settings


def asked(home: Settings, *lines: str) -> Path:
    path = home.home / "asked.csv"
    path.write_text("\n".join(["index_at,note,person_id", *lines]) + "\n")
    return path


def test_every_value_says_when_it_was_known(home: Settings) -> None:
    found = features_at(home, load_set("cardiometabolic"), asked(home, "2021-01-01,x,P0000000000000003"))
    rows = found.long().to_pylist()
    assert {row["person_id"] for row in rows} == {"P0000000000000003"}
    assert {row["index_at"] for row in rows} == {MOMENT}
    assert all(row["known_at"] <= MOMENT and row["event_at"] <= MOMENT for row in rows)
    assert len(rows) > 20
    # the newest HbA1c that was known then, by hand
    measured = pq.read_table(home.core / "twin_measurement.parquet").to_pylist()
    values = [
        one
        for one in measured
        if one["person_id"] == "P0000000000000003"
        and one["concept"] == "hba1c"
        and max(one["event_at"], one["known_at"]) <= MOMENT
        and (one["superseded_at"] is None or one["superseded_at"] > MOMENT)
    ]
    newest = max(values, key=lambda one: one["event_at"])
    (row,) = (row for row in rows if row["feature"] == "hba1c_last_5y")
    assert (row["value"], row["event_at"]) == (pytest.approx(newest["value_std"], abs=1e-6), newest["event_at"])
    wide = found.wide()
    assert wide["hba1c_last_5y__known_at"][0].as_py() == row["known_at"]
    assert wide.num_columns == 2 + 2 * len(found.design.names)


def test_rows_that_cannot_be_used_are_named_and_cost_no_other(home: Settings) -> None:
    path = asked(
        home,
        "2021-01-01,,P0000000000000001",
        "soon,,P0000000000000002",
        "2021-01-01,,PX",
        "2020-01-01 12:00,,P0000000000000001",
    )
    found = features_at(home, load_set("cardiometabolic"), path)
    assert [(one.row_no, one.reason) for one in found.refused] == [
        (2, "index_at is no date or time"),
        (3, "person_id is not in twin_person"),
    ]
    assert found.rows == 4
    assert list(found.design.person_id) == ["P0000000000000001"] * 2
    assert found.design.index_at.tolist() == [MOMENT, datetime(2020, 1, 1, 12)]


def test_a_file_without_people_or_moments_is_refused(home: Settings) -> None:
    path = home.home / "other.csv"
    path.write_text("id,when\n1,2\n")
    with pytest.raises(NotAFeatureRequest, match=r"no column person_id, index_at; it has id, when"):
        features_at(home, load_set("cardiometabolic"), path)


def test_the_command(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from orchestration.cli.program import app

    monkeypatch.setenv("TWIN_HOME", str(home.home))

    def twin(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["features", *arguments])
        return done.exit_code, done.stdout

    assert json.loads(twin("--json")[1])[0]["set"] == "cardiometabolic"
    assert twin("no_such_set")[0] == 2
    path = asked(home, "2021-01-01,,P0000000000000001")
    out = home.home / "out.parquet"
    status, said = twin("cardiometabolic", "--at", str(path), "--out", str(out), "--json")
    assert (status, json.loads(said)["values"]) == (0, pq.read_metadata(out).num_rows)
    assert twin("cardiometabolic", "--at", str(asked(home, "2021-01-01,,PX")))[0] == 1
    assert not np.isnan(pq.read_table(out)["value"].to_numpy()).any()
