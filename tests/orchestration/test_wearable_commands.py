"""The commands of the wearables room: what they print, and the exit status."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from orchestration.cli import app

CLARITY = (
    "Index,Timestamp (YYYY-MM-DDThh:mm:ss),Event Type,Event Subtype,Patient Info,Device Info,Source Device ID,"
    "Glucose Value (mg/dL)\n"
    "1,2024-01-01T08:00:00,EGV,,,,G6,100\n2,2024-01-01T08:05:00,EGV,,,,G6,Low\n3,2024-01-01T08:10:00,EGV,,,,G6,200\n"
)


def twin(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(one) for one in arguments])


def test_reading_a_dump_lands_nothing(tmp_path: Path) -> None:
    (tmp_path / "clarity.csv").write_text(CLARITY)
    (tmp_path / "notes.csv").write_text("a,b\n1,2\n")
    found = twin("wearable", "read", tmp_path / "clarity.csv", "--json")
    assert found.exit_code == 0
    (one,) = json.loads(found.stdout)
    assert (one["format"], one["records"]["accepted"]) == ("dexcom_clarity", 3)
    assert one["metrics"][0] | {"metric": "glucose", "samples": 3} == one["metrics"][0]
    assert twin("wearable", "read", tmp_path).exit_code == 1
    refused = twin("wearable", "read", tmp_path / "notes.csv")
    assert "metric" not in refused.stdout, "a refused file has no metrics to head a table with"
    assert "Rejected" in refused.stdout
    assert twin("wearable", "read", tmp_path / "nowhere").exit_code == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clarity.csv", "notes.csv"]


def test_glucose_of_a_dump_and_of_columns(tmp_path: Path) -> None:
    (tmp_path / "clarity.csv").write_text(CLARITY)
    (tmp_path / "own.csv").write_text("when,level\n2024-01-01 08:00:00,5.5\n2024-01-01 08:05:00,\n")
    (metrics,) = json.loads(twin("cgm", "metrics", tmp_path / "clarity.csv", "--json").stdout)["metrics"]
    assert (metrics["readings"], metrics["min_mg_dl"]) == (3, 39)
    own = ("cgm", "metrics", tmp_path / "own.csv", "--time", "when", "--value", "level", "--unit", "mmol/L")
    (metrics,) = json.loads(twin(*own, "--json").stdout)["metrics"]
    assert (metrics["readings"], round(metrics["mean_mg_dl"], 1)) == (1, 99.1)
    assert "time_in_range" in twin(*own).stdout
    assert twin(*own[:-1], "furlong").exit_code == 2
    assert twin("cgm", "metrics", tmp_path / "own.csv", "--time", "when").exit_code == 2
    wrong = twin("cgm", "metrics", tmp_path / "own.csv", "--time", "level", "--value", "level")
    assert (wrong.exit_code, "line 2" in wrong.stderr) == (1, True)


def test_heart_beats(tmp_path: Path) -> None:
    (tmp_path / "nn.txt").write_text("800\n850\n900\n")
    found = json.loads(twin("hrv", tmp_path / "nn.txt", "--json").stdout)
    assert (found["n"], found["rmssd_ms"], found["mean_nn_ms"]) == (3, 50, 850)
    (tmp_path / "words.txt").write_text("800\nfast\n")
    assert "line 2" in twin("hrv", tmp_path / "words.txt").stderr
    assert twin("hrv", tmp_path / "nn.txt", "--kind", "pulse").exit_code == 2


def test_scores_and_air(tmp_path: Path) -> None:
    (tmp_path / "seen.csv").write_text("heart_rate,systolic_bp\n95,120\n,\nfast,1\n")
    found = twin("score", "news2", tmp_path / "seen.csv", "--json")
    assert found.exit_code == 1
    rows = json.loads(found.stdout)["rows"]
    assert [row["lowest_total"] for row in rows] == [1, 0, None]
    assert [row["highest_total"] for row in rows][:2] == [1 + 3 + 3 + 2 + 3 + 3, 20]
    (tmp_path / "named.csv").write_text("respiratory_rate,spo2\n22,94\n")
    assert json.loads(twin("score", "news2", tmp_path / "named.csv", "--json").stdout)["not_read"] == ["spo2"]
    assert twin("score", "apgar", tmp_path / "seen.csv").exit_code == 2
    (tmp_path / "air.csv").write_text("date,pollutant,value,unit\n2024-06-01,pm2_5_24h,9.0,ug/m3\n")
    assert json.loads(twin("aqi", tmp_path / "air.csv", "--json").stdout)[0]["aqi"] == 50
    assert twin("aqi", tmp_path / "seen.csv").exit_code == 1


def test_watching_and_replaying(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWIN_HOME", str(tmp_path / "home"))
    rows = [
        {"person": "P", "metric": "glucose", "at": f"2024-03-01T08:{5 * n:02}:00Z", "value": 60, "unit": "mg/dL"}
        for n in range(5)
    ]
    readings = tmp_path / "readings.ndjson"
    readings.write_text("\n".join(json.dumps(row) for row in rows))
    assert twin("alarms", "list").exit_code == 1
    incoming = tmp_path / "home/hot/incoming"
    incoming.mkdir(parents=True)
    (incoming / "a.ndjson").write_bytes(readings.read_bytes())
    told = twin("watch", "--once", "--json")
    assert told.exit_code == 0
    assert json.loads(told.stdout)["rule"] == "glucose_below_70"
    (alarm,) = json.loads(twin("alarms", "list", "--json").stdout)
    assert (alarm["rule"], alarm["is_late"], alarm["at"]) == ("glucose_below_70", True, "2024-03-01T08:10:00Z")
    (tmp_path / "events.csv").write_text("person,from,to\nP,2024-03-01T00:00,2024-03-01T08:05\n")
    replayed = twin("alarms", "replay", readings, "--events", tmp_path / "events.csv", "--json")
    found = json.loads(replayed.stdout)
    assert [one["rule"] for one in found["alarms"]] == ["glucose_below_70"]
    assert next(one for one in found["rules"] if one["rule"] == "glucose_below_70")["false_alarms"] == 1
    assert "glucose_below_70" in twin("alarms", "replay", readings).stdout
    readings.write_text("{broken")
    assert twin("alarms", "replay", readings).exit_code == 1
    assert twin("watch", "--once", "--rules", tmp_path / "nowhere.yaml").exit_code == 2
    (tmp_path / "rules.yaml").write_text("- {rule: x}")
    assert twin("watch", "--once", "--rules", tmp_path / "rules.yaml").exit_code == 2


def test_the_rhythm_of_a_file(tmp_path: Path) -> None:
    rows = [f"2024-03-0{1 + hour // 24} {hour % 24:02}:00:00,{100 if 8 <= hour % 24 < 20 else 0},{int(hour % 24 < 8)}"
            for hour in range(72)]  # fmt: skip
    (tmp_path / "steps.csv").write_text("\n".join(["when,steps,asleep", *rows, "never,5,0"]))
    given = ("circadian", tmp_path / "steps.csv", "--time", "when", "--value", "steps", "--asleep", "asleep")
    found = json.loads(twin(*given, "--json").stdout)
    assert (found["l5"], found["m10"], found["relative_amplitude"]) == (0, 100, 1)
    assert (found["sleep_regularity_index"], found["values_without_a_time"]) == (100, 1)
    assert round(found["acrophase_hour"], 1) == 13.5
    assert "interdaily_stability" in twin(*given).stdout
    assert twin("circadian", tmp_path / "steps.csv").exit_code == 1
    assert twin("circadian", tmp_path / "nowhere.csv").exit_code == 2
