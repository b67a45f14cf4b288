"""The commands of the simulation room, as a user types them."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from orchestration.cli.program import app
from tests.simulation.test_engine import DECAY, EVENT

runner = CliRunner()


def test_sbml_run_compares_the_engines_and_names_what_one_refuses(tmp_path: Path) -> None:
    plain, with_event = tmp_path / "decay.xml", tmp_path / "event.xml"
    plain.write_text(DECAY.format(extra=""))
    with_event.write_text(DECAY.format(extra=EVENT))
    result = runner.invoke(app, ["sbml", "run", str(plain), "--duration", "10", "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.output)
    assert found["largest_relative_difference"] < 1e-6
    assert found["note"] == "research use, not for care"
    assert "k" in found["without_units"]
    result = runner.invoke(app, ["sbml", "run", str(with_event), "--duration", "10"])
    assert result.exit_code == 0
    assert "numpy does not run it: events" in result.output
    assert runner.invoke(app, ["sbml", "run", str(with_event), "--duration", "10", "--engine", "numpy"]).exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["absent.xml", "--duration", "1"], 2, "nothing at"),
        (["bad.xml", "--duration", "1"], 1, "no <sbml> element"),
        (["good.xml"], 2, "--settings FILE or --duration"),
        (["good.xml", "--duration", "1", "--engine", "copasi"], 2, "no engine 'copasi'"),
    ],
)
def test_sbml_run_says_what_was_wrong(
    arguments: list[str], status: int, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bad.xml").write_text("<xml/>")
    Path("good.xml").write_text(DECAY.format(extra=""))
    result = runner.invoke(app, ["sbml", "run", *arguments])
    assert result.exit_code == status
    assert words in result.output


def test_sbml_suite_lists_what_does_not_pass(tmp_path: Path) -> None:
    archive = tmp_path / "suite.zip"
    settings = "start: 0\nduration: 1\nsteps: 1\nvariables: drug\nabsolute: 1e-6\nrelative: 1e-4\nconcentration: drug\n"
    with zipfile.ZipFile(archive, "w") as suite:
        for case, end in (("00001", 1.4816364413634358), ("00002", 1.5)):
            suite.writestr(f"{case}.xml", DECAY.format(extra=""))
            suite.writestr(f"{case}.settings.txt", settings)
            suite.writestr(f"{case}.csv", f"time,drug\n0,2\n1,{end}\n")
    result = runner.invoke(app, ["sbml", "suite", str(archive), "--engine", "both", "--json"])
    assert result.exit_code == 1
    found = json.loads(result.output[: result.output.rindex("}") + 1])
    assert found["counts"] == {"roadrunner": {"pass": 1, "differs": 1}, "numpy": {"pass": 1, "differs": 1}}
    assert [one["case"] for one in found["not_passed"]["numpy"]] == ["00002"]


def test_people_are_named_or_given_and_a_model_must_take_something_of_them(tmp_path: Path) -> None:
    scenario = tmp_path / "lunch.yaml"
    scenario.write_text("{name: lunch, duration: 60, steps: 6, step: 1}")
    for arguments, words in (
        ([], "either --person or --cohort"),
        (["--person", "P1", "--cohort", str(scenario)], "either --person or --cohort"),
        (["--cohort", str(tmp_path / "absent.csv")], "nothing at"),
    ):
        result = runner.invoke(app, ["simulate", "meal_glucose", "--scenario", str(scenario), *arguments])
        assert result.exit_code == 2
        assert words in result.output


def test_a_trial_in_the_warehouse_needs_a_snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWIN_HOME", str(tmp_path))
    spec = tmp_path / "spec.yaml"
    spec.write_text("{name: x, eligibility: ['age_years > 50'], drugs: [{drug: losartan, mg: 50}], persons: 100}")
    result = runner.invoke(app, ["trial", "run", str(spec)])
    assert result.exit_code == 1
    assert "twin build" in result.output
    spec.write_text("{name: x, eligibility: [], drugs: [{drug: losartan, mg: 50}], persons: 100}")
    assert runner.invoke(app, ["trial", "run", str(spec)]).exit_code in (1, 2)


def test_a_trial_is_drawn_where_asked(tmp_path: Path) -> None:
    spec, picture = tmp_path / "spec.yaml", tmp_path / "forest.png"
    spec.write_text("{name: x, persons: 40, effect: 0.3, noise: 1, weights: [0.5], trials: 20, historical: 50}")
    result = runner.invoke(app, ["trial", "run", str(spec), "--picture", str(picture), "--json"])
    assert result.exit_code == 0, result.output
    assert picture.read_bytes()[:4] == b"\x89PNG"
    found = json.loads(result.output)
    assert 0 < found["error_adjusted"] < 1
    result = runner.invoke(app, ["trial", "run", str(spec), "--picture", str(tmp_path / "forest.xyz")])
    assert result.exit_code == 2
    assert "cannot be drawn" in result.output
