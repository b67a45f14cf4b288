"""Order, duplication and splitting of deliveries leave the ledger as it is; later data never change an earlier view."""

from __future__ import annotations

import random
from datetime import datetime

import pytest

from tests.transform.rows import patient
from tests.transform.test_ledger import CONDITIONS, LABS, OBSERVATIONS

CONTENT = (
    "select * exclude (ingested_at) from core.twin_fact order by all",
    "select * from core.twin_state order by all",
)
LEDGER_AND_STATE = ("run", "--select", "+twin_state")
AGAIN = ("run", "--select", "+twin_state,config.materialized:table")
"""Views read the files that lie there now: only tables are built anew."""


@pytest.fixture(scope="module")
def replayed(new_home):
    """One home with its ledger and states as built from one file per table."""
    home = new_home()
    home.put("fhir_patient", [patient("p1")])
    home.put("fhir_observation", OBSERVATIONS)
    home.put("fhir_condition", CONDITIONS)
    home.put("lab_result", LABS)
    home.dbt("seed")
    home.dbt(*LEDGER_AND_STATE)
    return home, content(home)


def content(home):
    return [home.query(one) for one in CONTENT]


def test_any_order_split_and_duplication_give_the_same_ledger_and_states(replayed):
    home, before = replayed
    assert all(len(rows) > 20 for rows in before)
    luck = random.Random(7)
    for table, rows in (("fhir_observation", OBSERVATIONS), ("fhir_condition", CONDITIONS), ("lab_result", LABS)):
        # every row twice; the copy comes from a file of another name
        shuffled = [*rows, *({**row, "file_id": "file-z"} for row in rows)]
        luck.shuffle(shuffled)
        cut = luck.randrange(1, len(shuffled))
        home.put(table, shuffled[:cut], "part")
        home.put(table, shuffled[cut:], "another-part")
    home.dbt(*AGAIN)
    assert content(home) == before


@pytest.mark.parametrize("moment", [datetime(2020, 1, 3), datetime(2020, 2, 2), datetime(2020, 3, 3)])
def test_what_was_known_at_a_moment_does_not_change_when_more_arrives(replayed, moment):
    home, complete = replayed
    limit = moment.isoformat() + "Z"
    early = [row for row in OBSERVATIONS if (row["last_updated"] or row["issued"] or "9999") <= limit]
    assert 0 < len(early) < len(OBSERVATIONS)
    home.put("fhir_observation", early, "part")
    home.put("fhir_observation", [], "another-part")
    home.dbt(*AGAIN)
    facts = (
        "select fact_key, version, op, value_std, unit_std, event_at, known_at, quality_flags from core.twin_fact"
        f" where source_table = 'fhir_observation' and known_at <= timestamp '{moment}'"
        f" and (superseded_at is null or superseded_at > timestamp '{moment}') order by all"
    )
    states = (
        "select variable, value_num, value_text, valid_from, known_from, inputs from core.twin_state"
        f" where known_from <= timestamp '{moment}' and (known_to is null or known_to > timestamp '{moment}')"
        " order by all"
    )
    seen_then = [home.query(facts), home.query(states)]
    home.put("fhir_observation", OBSERVATIONS, "part")
    home.dbt(*AGAIN)
    assert all(seen_then)
    assert [home.query(facts), home.query(states)] == seen_then
    assert content(home) == complete
