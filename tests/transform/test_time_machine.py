"""Order, duplication and splitting of deliveries leave the ledger as it is; later data never change an earlier view.

Neither do increments: what they leave is what one whole build leaves.
"""

from __future__ import annotations

import random
from datetime import datetime

import pytest

from lake.settings import Settings
from orchestration import increment
from tests.transform.rows import condition, observation, patient
from tests.transform.test_ledger import CONDITIONS, LABS, OBSERVATIONS

CONTENT = (
    "select * exclude (ingested_at) from core.twin_fact order by all",
    "select * from core.twin_state order by all",
)
LEDGER_AND_STATE = ("run", "--select", "+twin_state")
AGAIN = (
    "run",
    "--select",
    "+twin_state,config.materialized:table",
    "+twin_state,config.materialized:incremental",
)
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


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2020, 2, 2),
        pytest.param(datetime(2020, 1, 3), marks=pytest.mark.slow),
        pytest.param(datetime(2020, 3, 3), marks=pytest.mark.slow),
    ],
)
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


PEOPLE = (
    "select * from core.twin_person order by all",
    "select * from core.twin_person_link order by all",
    "select source_system, source_table, source_id, component, code, file_id, record_no"
    " from intermediate.int_record__unioned order by all",
)
ONE_PERSON = (
    "select count(distinct person_id) = 1, bool_or(quality_flags like '%duplicate_value%') from core.twin_fact"
    " where source_id in ('o-p1', 'o-p2')"
)
MERGED = "2021-01-01T00:00:00Z"
UNMERGED = "2021-02-01T00:00:00Z"
TWO = [patient("p1", last_updated="2020-01-01T00:00:00Z"), patient("p2", last_updated="2020-01-01T00:00:00Z")]
OF_BOTH = [
    # the same value of the same moment in two records: a duplicate only while they are one person
    observation("o-p1", "2160-0", 1.2, "mg/dL", "2020-07-01T09:00:00Z"),
    observation("o-p2", "2160-0", 1.2, "mg/dL", "2020-07-01T09:00:00Z", patient_id="p2"),
    condition("c-p2", "I10", "2018-05-01", "2018-05-02T10:00:00Z", patient_id="p2"),
]


class Deliveries:
    """A home that is built delivery by delivery, whole or as increments."""

    def __init__(self, home):
        self.home = home
        self.given = {"fhir_patient": [], "fhir_observation": [], "fhir_condition": [], "lab_result": []}

    def build(self, file_id, whole=False, **tables):
        """Deliver rows as one file and build."""
        for table, rows in tables.items():
            self.given[table] += [{**row, "file_id": file_id} for row in rows]
        for table, rows in self.given.items():
            self.home.put(table, rows, "part")
            self.home.put(table, [], "another-part")
        plan = increment.Plan(None if whole else frozenset([file_id]), "test")
        with increment.running(Settings(home=self.home.path), plan):
            self.home.dbt(*AGAIN)
        return self.content()

    def content(self):
        return [*content(self.home), *(self.home.query(one) for one in PEOPLE)]


def test_increments_merges_and_unmerges_leave_what_one_whole_build_leaves(replayed):
    home, _ = replayed
    luck = random.Random(11)
    clinical = {"fhir_observation": [*OBSERVATIONS, *OF_BOTH[:2]], "fhir_condition": [*CONDITIONS, OF_BOTH[2]]}
    early, late = {}, {}
    for table, rows in {**clinical, "lab_result": LABS}.items():
        shuffled = luck.sample(rows, len(rows))
        early[table], late[table] = shuffled[: len(rows) // 2], shuffled[len(rows) // 2 :]

    # corrections and retractions come before and after what they change, in either file
    by_increment = Deliveries(home)
    by_increment.build("file-a", whole=True, fhir_patient=TWO, **early)
    gone = {**TWO[1], "replaced_by": "p1", "last_updated": MERGED}
    by_increment.build("file-b", fhir_patient=[gone], **late)
    assert home.query(ONE_PERSON) == [(True, True)]

    unmerged = by_increment.build("file-c", fhir_patient=[{**TWO[1], "last_updated": UNMERGED}])
    assert home.query(ONE_PERSON) == [(False, False)]

    never_merged = Deliveries(home)
    never_merged.given = {
        table: [row for row in rows if row.get("replaced_by") is None] for table, rows in by_increment.given.items()
    }
    expected = never_merged.build("none", whole=True)
    assert all(expected)
    assert unmerged == expected
