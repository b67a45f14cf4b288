"""OMOP, MEDS and FHIR, in and out, all judged on one home: its tests lie in the modules beside, by direction."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ehr.exchange import dqd
from tests.ehr.exchange.coming_back import *  # noqa: F403
from tests.ehr.exchange.coming_in import *  # noqa: F403
from tests.ehr.exchange.conftest import Exchange
from tests.ehr.exchange.going_out import *  # noqa: F403
from tests.ehr.exchange.going_out_omop import *  # noqa: F403


def test_the_command_line_says_the_same(
    landed: Exchange,
    report: dqd.Report,
    shared_data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The checks of this export are run once for all tests."""
    from typer.testing import CliRunner

    from orchestration.cli.program import app

    monkeypatch.setenv("TWIN_HOME", str(landed.settings.home))
    check = dqd.check
    folder = landed.exports["omop"].path
    monkeypatch.setattr(dqd, "check", lambda where, *rest: report if where == folder else check(where, *rest))
    controls = str(shared_data / "ehr" / "omop_dqd_checks")

    def twin(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, list(arguments))
        return done.exit_code, done.stdout

    status, said = twin("omop", "check", str(landed.exports["omop"].path), "--controls", controls, "--failed", "--json")
    assert (status, json.loads(said)["checks_run"], json.loads(said)["fatal"]) == (0, 2_535, 0)
    status, said = twin("export", "meds", str(tmp_path / "meds"), "--json")
    assert (status, json.loads(said)["rows"]) == (0, landed.exports["meds"].rows)
    assert twin("export", "fhir", str(tmp_path / "fhir"), "--known-at", "yesterday")[0] == 2
    assert twin("omop", "check", str(tmp_path / "meds"), "--controls", controls)[0] == 1
    (tmp_path / "mine.txt").write_text("keep")
    assert twin("export", "fhir", str(tmp_path))[0] == 2
