"""The test decks of five CMS quality measures (QI-Core 2025, CC0), through the FHIR reader and the dbt models.

Their value sets come from the shared data. They lack CPT, whose content is the AMA's: the few CPT numbers that patients
of the decks carry are given here, as a licensee would add them, in the value sets that the public CQL of the measures
(cqframework/ecqm-content-qicore-2025) names for such visits.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from orchestration import measures
from orchestration.cli import app

DECKS = Path("ehr") / "ecqm_qicore2025"
OID = "2.16.840.1.113883.3.464.1003."
CPT_OF_THE_DECKS = {
    "99386": OID + "101.12.1023",
    "99395": OID + "101.12.1025",
    "97802": OID + "1006",
    "97803": OID + "1006",
    "97804": OID + "1006",
    "99509": OID + "101.12.1088",
    "90999": OID + "109.12.1014",
    "99457": OID + "101.12.1089",
}
KNOWN = {
    # The condition of this case names the patient of another case.
    "435d23cc-57ef-4f7f-aec3-c7ef524d5cd1",
    # Its orders carry doNotPerform = true, and are expected to count as ordered.
    "86618b52-e0cc-4e90-b48c-cd64bbae8973",
    # Its body mass index is no US Core vital sign (category procedure) and is expected not to count.
    "c1df0273-aad8-41a8-859c-edd204bb4f16",
}
CASES = {"cms2": 36, "cms22": 43, "cms69": 62, "cms122": 56, "cms165": 68}


@pytest.fixture(scope="module")
def outcome(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> measures.Outcome:
    deck = shared_data / DECKS
    cpt = tmp_path_factory.mktemp("cpt") / "value_sets_cpt.csv"
    rows = [f"{oid},http://www.ama-assn.org/go/cpt,{code}" for code, oid in CPT_OF_THE_DECKS.items()]
    cpt.write_text("\n".join(["oid,system,code", *rows]) + "\n")
    return measures.run(list(measures.names()), [deck], [deck / "valuesets_no_cpt.csv.gz", cpt])


@pytest.mark.parametrize("measure", CASES)
def test_populations_are_as_the_deck_says(outcome: measures.Outcome, measure: str) -> None:
    judged = [one for one in outcome.results if one.measure == measure]
    assert len(judged) == CASES[measure]
    assert all(one.expected is not None for one in judged)
    assert sum(bool(one.agrees) for one in judged) / len(judged) >= 0.95
    assert {one.case for one in judged if not one.agrees} <= KNOWN


def test_nearly_all_cases_agree(outcome: measures.Outcome) -> None:
    assert len(outcome.results) == 265
    assert sum(bool(one.agrees) for one in outcome.results) >= 262


def test_a_resource_of_another_patient_is_reported(outcome: measures.Outcome) -> None:
    (problem,) = outcome.problems
    assert problem.position == "case 435d23cc-57ef-4f7f-aec3-c7ef524d5cd1"
    assert "another patient" in problem.reason


def test_the_command_lists_what_differs(
    outcome: measures.Outcome, shared_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measures, "run", lambda *_: outcome)
    shown = CliRunner().invoke(app, ["measure", "run", "all", str(shared_data / DECKS)])
    assert shown.exit_code == 1
    assert "262 of 265 as expected" in shown.stdout
    counts, _, differing = shown.stdout.partition("Cases that differ")
    assert "cms165" in counts
    assert len(counts.splitlines()) < 30
    assert "denominator-exclusion" in differing
    listed = CliRunner().invoke(app, ["measure", "run", "all", str(shared_data / DECKS), "--every-case"])
    assert len(listed.stdout.splitlines()) > 265
    printed = json.loads(CliRunner().invoke(app, ["measure", "run", "all", str(shared_data / DECKS), "--json"]).stdout)
    assert (printed["judged"], printed["agreeing"]) == (265, 262)
