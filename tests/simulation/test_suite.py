"""The SBML semantic test suite (3.3.0) as judge of both engines: a sample always, all of it with the slow tests."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from simulation.engine import suite


@pytest.fixture(scope="module")
def cases(shared_data: Path) -> list[suite.Case]:
    return list(suite.cases(shared_data / "sim/sbml-test-suite/semantic_3.3.0_one_level_per_case.zip"))


def outcomes(cases: list[suite.Case], run: suite.Run) -> dict[str, list[suite.Verdict]]:
    found: dict[str, list[suite.Verdict]] = {"pass": [], "differs": [], "failed": [], "unsupported": []}
    for case in cases:
        verdict = suite.judge(case, run)
        found[verdict.outcome].append(verdict)
    return found


def test_a_sample_of_the_suite_passes_or_is_refused_by_name(cases: list[suite.Case]) -> None:
    for run in (suite.by_roadrunner, suite.by_numpy):
        found = outcomes(cases[::200], run)
        assert not found["differs"], found["differs"]
        assert not found["failed"], found["failed"]
        assert all(one.detail for one in found["unsupported"])


@pytest.mark.slow
def test_roadrunner_passes_what_the_reference_run_passed(cases: list[suite.Case]) -> None:
    """An independent run of libroadrunner 2.10.0 passed 1,563 of the 1,787 time courses and refused 218."""
    counts = Counter({name: len(found) for name, found in outcomes(cases, suite.by_roadrunner).items()})
    assert counts["pass"] >= 1563
    assert counts["differs"] + counts["failed"] <= 6


@pytest.mark.slow
def test_numpy_passes_everything_it_does_not_refuse(cases: list[suite.Case]) -> None:
    found = outcomes(cases, suite.by_numpy)
    assert not found["differs"], found["differs"]
    assert not found["failed"], found["failed"]
    assert len(found["pass"]) >= 850
