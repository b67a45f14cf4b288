"""The contract of the command line: what it prints, and the exit status (0 fine, 1 bad data, 2 wrong usage)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner, Result

from lake.settings import PROJECT_DIR, Settings
from orchestration.cli import app

COMMANDS = ("synth", "demo", "land", "build", "status", "query", "sources", "publish", "ui")


def twin(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture
def snapshot(home: Settings) -> Path:
    home.published.mkdir(parents=True)
    with duckdb.connect(str(home.snapshot)) as connection:
        connection.execute("create table numbers as select range as n, '=' || range as formula from range(3)")
    return home.snapshot


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_an_example(command: str) -> None:
    outcome = twin(command, "--help")
    assert outcome.exit_code == 0
    assert f"Example: twin {command}" in " ".join(outcome.output.split())


@pytest.mark.parametrize(
    "arguments",
    [
        ("bogus",),
        ("land",),
        ("land", "x"),
        ("query",),
        ("status", "--nonsense"),
        ("land", "no/such/file", "--source", "a"),
        ("land", __file__, "--source", "../out"),
        ("query", "select 1", "--json", "--csv"),
    ],
)
def test_wrong_usage_exits_2_with_one_line(home: Settings, arguments: tuple[str, ...]) -> None:
    outcome = twin(*arguments)
    assert outcome.exit_code == 2
    assert len(outcome.stderr.strip().splitlines()) == 1


def test_a_query_before_the_first_build_exits_1_and_says_what_to_do(home: Settings) -> None:
    outcome = twin("query", "select 1")
    assert outcome.exit_code == 1
    assert "twin build" in outcome.stderr
    assert len(outcome.stderr.strip().splitlines()) == 1


def test_a_query_prints_json(snapshot: Path) -> None:
    outcome = twin("query", "select n from numbers order by n", "--json")
    assert outcome.exit_code == 0
    assert json.loads(outcome.stdout) == [{"n": 0}, {"n": 1}, {"n": 2}]


def test_csv_never_starts_a_formula(snapshot: Path) -> None:
    outcome = twin("query", "select formula from numbers order by n", "--csv")
    assert outcome.stdout.splitlines() == ["formula", "'=0", "'=1", "'=2"]


def test_a_query_that_is_wrong_exits_2(snapshot: Path) -> None:
    outcome = twin("query", "select nothing from nowhere")
    assert outcome.exit_code == 2
    assert "nowhere" in outcome.stderr


@pytest.mark.parametrize(
    "sql", ["create table t (i int)", "copy numbers to '/dev/null'", "from read_text('/etc/hostname')"]
)
def test_a_query_cannot_write_nor_read_files(snapshot: Path, sql: str) -> None:
    assert twin("query", sql).exit_code == 2


def test_a_file_of_no_known_format_lands_and_exits_1(home: Settings, tmp_path: Path) -> None:
    (tmp_path / "notes.xyz").write_text("nothing known")
    outcome = twin("land", str(tmp_path / "notes.xyz"), "--source", "desk", "--json")
    assert outcome.exit_code == 1
    report = json.loads(outcome.stdout)
    assert report["landed"] == 1
    assert report["files"][0]["format"] == "unrecognised"
    assert "twin sources" in outcome.stderr


def test_status_shows_what_waits(home: Settings, tmp_path: Path) -> None:
    (tmp_path / "notes.xyz").write_text("nothing known")
    twin("land", str(tmp_path / "notes.xyz"), "--source", "desk")
    found = json.loads(twin("status", "--json").stdout)
    assert found["waiting"] == [{"source": "desk", "files": 1, "formats": {"unrecognised": 1}}]
    assert found["published_at"] is None
    assert "publish" in found["stale"]
    assert twin("status", "--strict").exit_code == 1


def test_an_unexpected_error_is_one_line_without_debug(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> None:
        raise ZeroDivisionError("surprise")

    monkeypatch.setattr("orchestration.status.status", broken)
    outcome = twin("status")
    assert outcome.exit_code == 1
    assert outcome.stderr.strip().splitlines() == ["twin: ZeroDivisionError: surprise (--debug shows where)"]
    assert "Traceback" in twin("status", "--debug").stderr


def test_help_imports_nothing_heavy() -> None:
    """Help is instant: none of the tools that take seconds to import is touched."""
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom orchestration.cli import app\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        "heavy = {'dagster', 'dbt', 'duckdb', 'pandas', 'pyarrow', 'mlflow', 'great_expectations', 'pydantic'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=PROJECT_DIR)


def test_a_pipe_that_reads_no_more_ends_quietly(snapshot: Path) -> None:
    query = [sys.executable, "-m", "orchestration.cli", "query", "select range from range(20000)", "--json"]
    twin = subprocess.Popen(query, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert twin.stdout is not None
    twin.stdout.close()
    _, told = twin.communicate()
    assert told == b""
