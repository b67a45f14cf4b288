"""Rules as data: whom they speak of, what they show, and the history of scores they stand beside."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from ml import actions
from ml import task as tasks
from ml.actions import Rule
from ml.features.build import Design
from ml.features.spec import load_set

AT = datetime(2026, 6, 1)


def _design(**columns: list[float]) -> Design:
    """People with these features known, and nothing else."""
    feature_set = load_set("cardiometabolic")
    rows = len(next(iter(columns.values())))
    values = np.full((rows, len(feature_set.columns)), np.nan)
    seen = np.full(values.shape, np.datetime64("NaT", "us"))
    names = [one.name for one in feature_set.columns]
    for name, given in columns.items():
        values[:, names.index(name)] = given
        seen[:, names.index(name)] = np.datetime64("2026-01-15", "us")
    index = np.full(rows, np.datetime64(AT, "us"))
    return Design(feature_set.columns, np.array([f"P{i}" for i in range(rows)], object), index, values, seen, seen)


def _told(task: str, design: Design, equation: list[float]) -> list[list[dict[str, Any]]]:
    risks = np.array(equation, float)
    return [json.loads(one) for one in actions.recommended(tasks.load(task), design, risks, risks, AT)]


def test_a_statin_is_recommended_to_whom_the_task_force_says() -> None:
    # USPSTF 2022: 40-75 years, a risk factor, 10-year risk >= 10 % B, 7.5 to < 10 % C; not who already takes one
    design = _design(
        age_years=[55, 55, 55, 55, 76, 55, 55],
        has_hypertension=[1, 1, 1, 0, 1, 1, 1],
        has_type_2_diabetes=[0, 0, 0, 0, 0, 0, 0],
        has_hyperlipidemia=[0] * 7,
        smoking_status_last_5y=[0, 0, 0, 0, 0, 0, 0],
        statin_1y=[0, 0, 0, 0, 0, 1, np.nan],
        ldl_cholesterol_last_5y=[130] * 7,
    )
    told = _told("ascvd_10y", design, [0.12, 0.08, 0.07, 0.12, 0.12, 0.12, 0.12])
    grades = [{one["rule_id"]: one["grade"] for one in person if "uspstf_2022" in one["rule_id"]} for person in told]
    assert grades == [{"uspstf_2022_statin_b": "B"}, {"uspstf_2022_statin_c": "C"}, {}, {}, {}, {}, {}]
    shown = {one["name"]: one for one in told[0][0]["because"]}
    assert shown["age_years"] == {"name": "age_years", "value": 55.0, "observed_at": "2026-01-15"}
    assert shown["equation_risk"]["value"] == 0.12
    assert all(one["citation"] and one["guideline_version"] for person in told for one in person)


def test_screening_is_for_whom_nothing_is_known() -> None:
    design = _design(age_years=[50, 50, 72], bmi_best=[27, 27, 27], hba1c_last_5y=[np.nan, 5.4, np.nan])
    told = _told("t2d_5y", design, [0.1, 0.1, 0.1])
    assert [[one["rule_id"] for one in person] for person in told] == [["uspstf_2021_diabetes_screening"], [], []]


def test_a_rule_is_silent_before_its_guideline() -> None:
    design = _design(age_years=[50], bmi_best=[27])
    early = actions.recommended(tasks.load("t2d_5y"), design, np.array([0.1]), np.array([0.1]), datetime(2021, 1, 1))
    assert early == ["[]"]


def test_every_shipped_rule_reads_what_its_task_has() -> None:
    for rule in actions.rules():
        columns = {one.name for one in load_set(tasks.load(rule.task).feature_set).columns}
        assert rule.names <= columns | {"risk", "equation_risk"}, rule.id


def test_a_rule_without_sense_is_refused() -> None:
    good = actions.rules()[0].model_dump(by_alias=True) | {"when": {"age_years": {"from": 40}}}
    Rule.model_validate(good)
    for when in ({"age_years": {}}, {"age_years": {"unknown": True, "from": 3}}, {"both": {"a": {"equals": 1}}}):
        with pytest.raises(ValidationError):
            Rule.model_validate(good | {"when": when})
