"""``twin hl7 read`` and ``twin ccda read``: what they print, and the exit status."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner, Result

from orchestration.cli import app
from tests.ehr.ccda.documents import document
from tests.ehr.hl7v2.messages import message, msh, pid


def twin(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_messages_are_read_and_every_value_is_reported(tmp_path: Path) -> None:
    (tmp_path / "good.hl7").write_text(message(msh("ADT^A28", "20240101"), pid("1")), newline="")
    outcome = twin("hl7", "read", str(tmp_path / "good.hl7"), "--json")
    assert outcome.exit_code == 0, outcome.output
    found = json.loads(outcome.stdout)
    assert found["rows"]["hl7v2_person"] == 1
    assert found["leaves"] == sum(found["staged"].values()) + sum(found["ignored"].values())
    (tmp_path / "bad.hl7").write_text("nothing\r" + message(msh("ADT^A28", "20240101"), pid("2")), newline="")
    outcome = twin("hl7", "read", str(tmp_path))
    assert outcome.exit_code == 1
    assert "line 1" in outcome.stdout
    assert "hl7v2_person" in outcome.stdout
    assert "1 records rejected" in outcome.stderr


def test_documents_are_read_and_a_missing_file_is_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "summary.xml").write_text(document())
    outcome = twin("ccda", "read", str(tmp_path / "summary.xml"), "--json")
    assert outcome.exit_code == 0, outcome.output
    assert json.loads(outcome.stdout)["files"][0]["rows"]["ccda_problem"] == 4
    assert twin("ccda", "read", str(tmp_path / "no.xml")).exit_code == 2
