"""``twin equation`` and what stands behind it: any table of inputs, good and bad."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from ml.equations import EQUATIONS, get, table
from ml.equations.base import ImpossibleUnit
from orchestration.cli.program import app

GOOD = """person_id,age,sex,Total_C,HDL [mmol/L],SBP,bp_tx,dm,smoker,note
a,55,male,213,1.293,120,no,0,0,x
b,55,F,213,1.293,,NA,0,yes,y
c,25,male,213,1.293,120,0,0,0,
d,55,male,213,1.293,120,0,maybe,0,
e,55,male,9999,1.293,120,0,0,0,
"""


def _twin(*arguments: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, list(arguments))
    return done.exit_code, done.stdout, done.stderr


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "people.csv"
    path.write_text(GOOD)
    return path


def test_a_table_is_understood_by_its_headers_units_and_words(good: Path) -> None:
    status, out, _ = _twin("equation", "pce_2013_10y", str(good), "--json")
    found = json.loads(out)
    assert status == 0
    # the published example of a white man, HDL of 50 mg/dL given in mmol/L: Goff 2013, 5.38 %
    assert 100 * found["results"][0]["risk"] == pytest.approx(5.38, abs=0.1)
    assert found["with_result"] == 1
    assert found["without_result"] == 4
    assert [row["missing"] for row in found["results"]][1] == "systolic_bp"
    assert found["results"][2]["out_of_range"] == "age"
    assert found["results"][3]["unreadable"] == "diabetes"
    assert found["results"][4]["impossible"] == "total_cholesterol"
    assert found["ignored_columns"] == ["person_id", "note"]
    assert {"input": "hdl_cholesterol", "header": "HDL [mmol/L]", "unit": "mmol/L"} in found["columns"]
    assert "black" in found["results"][0]["defaulted"]


def test_a_column_in_another_unit_is_refused_never_scored(tmp_path: Path) -> None:
    path = tmp_path / "mmol.csv"
    path.write_text(
        "age,sex,total_cholesterol,hdl_cholesterol,systolic_bp\n55,male,5.5,1.3,120\n60,female,6.1,1.5,130\n"
    )
    status, out, err = _twin("equation", "pce_2013_10y", str(path))
    assert status == 1
    assert "total_cholesterol is expected in mg/dL" in err
    assert not out


def test_a_unit_may_be_named_on_the_command_line(tmp_path: Path) -> None:
    # Tangri's risk differs by 8.84 in the albumin/creatinine ratio; nothing in the values could tell
    for name, factor in (("g.csv", 1.0), ("mmol.csv", 113.12 / 1000)):
        (tmp_path / name).write_text(f"age,sex,egfr,acr\n60,male,30,{300 * factor}\n")
    plain = json.loads(_twin("equation", "kfre4_5y", str(tmp_path / "g.csv"), "--json")[1])
    other = json.loads(
        _twin("equation", "kfre4_5y", str(tmp_path / "mmol.csv"), "--column", "uacr=acr@mg/mmol", "--json")[1]
    )
    assert other["results"][0]["risk"] == pytest.approx(plain["results"][0]["risk"], rel=1e-3)
    status, _, err = _twin("equation", "kfre4_5y", str(tmp_path / "g.csv"), "--column", "uacr=acr@kPa")
    assert status == 1
    assert "acr" in err


def test_what_cannot_feed_the_equation_is_said(tmp_path: Path, good: Path) -> None:
    (tmp_path / "few.csv").write_text("age\n50\n")
    (tmp_path / "twice.csv").write_text("age,sex,gender,fasting_glucose,glucose,insulin\n50,male,male,90,90,9\n")
    (tmp_path / "empty.csv").write_text("age,sex\n")
    (tmp_path / "none.csv").write_text("age,sex,total_c,hdl_c,sbp\n20,male,200,50,120\n")
    (tmp_path / "not.parquet").write_text("no")
    cases = (
        (("pce_2013_10y", "few.csv"), 1, "needs sex_male"),
        (("pce_2013_10y", "empty.csv"), 1, "no rows"),
        (("pce_2013_10y", "none.csv"), 1, "no row"),
        (("pce_2013_10y", "gone.csv"), 1, "not a file"),
        (("pce_2013_10y", "not.parquet"), 1, "cannot be read"),
        (("pce_2013", "few.csv"), 2, "pce_2013_10y"),
        (("pce_2013_10y", "few.csv", "--column", "age"), 2, "INPUT=HEADER"),
        (("pce_2013_10y", "few.csv", "--column", "age=years"), 1, "no column 'years'"),
    )
    for (name, file, *more), status, words in cases:
        found, _, err = _twin("equation", name, str(tmp_path / file), *more)
        assert (found, words in err) == (status, True), (name, file, err)


def test_the_catalogue_names_source_units_and_how_each_was_checked() -> None:
    status, out, _ = _twin("equation", "--list", "--json")
    found = {one["name"]: one for one in json.loads(out)}
    assert status == 0
    wanted = (
        "prevent_total_cvd_30y",
        "pce_2013_10y",
        "framingham_2008_10y",
        "score2_10y",
        "score2_op_10y",
        "score2_diabetes_10y",
        "qrisk3_10y",
        "kfre4_5y",
        "kfre6_2y",
        "kfre8_5y",
        "ckd_epi_2021",
        "findrisc_10y",
        "cha2ds2_vasc",
        "has_bled",
        "caide_20y",
        "plcom2012_6y",
        "bcrat_5y",
        "fib4",
        "news2",
        "charlson_mortality_10y",
    )
    assert set(wanted) <= set(found)
    assert all(one["citation"] and one["verified"] for one in found.values())
    assert "ClinRisk" in found["qrisk3_10y"]["notice"]


def test_all_rows_can_be_written(tmp_path: Path, good: Path) -> None:
    status, out, _ = _twin("equation", "pce_2013_10y", str(good), "--out", str(tmp_path / "out.parquet"))
    assert status == 0
    assert "1 of 5 rows have a result" in out
    assert table.read(tmp_path / "out.parquet").num_rows == 5


def test_python_refuses_values_in_another_unit() -> None:
    from ml.equations import evaluate

    with pytest.raises(ImpossibleUnit, match="creatinine is expected in mg/dL"):
        evaluate(get("ckd_epi_2021"), {"age": [50, 60], "sex_male": [1, 0], "creatinine": [88.0, 95.0]})
    single = evaluate(get("ckd_epi_2021"), {"age": [50] * 3, "sex_male": [1] * 3, "creatinine": [0.9, 1.0, 88.0]})
    assert np.isnan(single.risk).tolist() == [False, False, True]
    assert single.impossible_names() == ["", "", "creatinine"]


def test_a_row_without_a_result_always_says_why(tmp_path: Path) -> None:
    path = tmp_path / "women.csv"
    path.write_text("age,race,age_menarche,age_first_birth,relatives\n45,white,13,11,0\n45,white,13,98,1\n")
    rows = json.loads(_twin("equation", "bcrat_5y", str(path), "--json")[1])["results"]
    assert rows[0]["risk"] is None  # a birth before the first menses
    assert "no result for these inputs together" in rows[0]["note"]
    assert rows[1]["risk"] > 0
    assert not rows[1]["note"]


def test_every_equation_reads_sex_in_words() -> None:
    words = pa.chunked_array([["Female", "male", "F", "m", "0", "1"]])
    asking = {name: one for name, found in EQUATIONS.items() for one in found.inputs if one.name == "sex_male"}
    assert len(asking) > 30
    for name, of_sex in asking.items():
        values, is_unreadable = table.numbers(words, of_sex)
        assert (values.tolist(), is_unreadable.any()) == ([0, 1, 0, 1, 0, 1], False), name
