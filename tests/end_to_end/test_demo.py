"""The demo finds the planted truth: who is who, every seeded case of dirt one by one, and what was published."""

from __future__ import annotations

import duckdb
import pytest

from tests.end_to_end.conftest import Twin

pytestmark = pytest.mark.slow

PAIRS = """
with known as (
  select t.true_person, l.person_id, t.source_system || ' ' || t.source_person_key as key
  from '{truth}/identity.parquet' as t
  join core.twin_person_link as l using (source_system, source_person_key)
)
select
  count(*) filter (a.true_person = b.true_person) as truly,
  count(*) filter (a.person_id = b.person_id) as found,
  count(*) filter (a.true_person = b.true_person and a.person_id = b.person_id) as both
from known as a join known as b on a.key < b.key
where a.true_person = b.true_person or a.person_id = b.person_id
"""

DIRT = """
create view dirt as
select case_name, record, outcome, split_part(file, '/', 1) as source, file, true_person,
  expected->>'concept' as concept, (expected->>'value_std')::double as value_std, expected->>'unit_std' as unit_std,
  expected->>'comparator' as comparator, (expected->>'known_at')::timestamptz::timestamp as known_at,
  (expected->>'line')::bigint as line, expected
from read_json('{truth}/dirt.jsonl', format = 'newline_delimited', columns = {{
  'case': 'varchar', record: 'varchar', outcome: 'varchar', file: 'varchar', true_person: 'varchar', expected: 'json'
}}) as t(case_name, record, outcome, file, true_person, expected)
"""

FACT = """
create view fact as
select source_system, source_id, concept, version, op, known_at, superseded_at, value_std, unit_std, comparator,
  quality_flags, row_number() over (partition by fact_key order by version desc) as from_last,
  count(*) over (partition by fact_key) as versions
from core.twin_fact
"""

CASES = {
    # outcome and domain → (which cases of the dirt log, what must hold of the fact that came of each)
    "converted": (
        "source in ('st_anne', 'riverside') and outcome = 'converted'",
        "op <> 'retract' and f.unit_std = d.unit_std and abs(f.value_std - d.value_std) <= 0.005 * abs(d.value_std)",
    ),
    "flagged": (
        # "n/a" is no value at all: that record is in quarantine.
        "source in ('st_anne', 'riverside') and outcome = 'flagged' and expected->>'value_src' <> 'n/a'",
        "f.value_std is null and quality_flags <> ''",
    ),
    "censored": (
        "source in ('st_anne', 'riverside') and outcome = 'censored'",
        "f.comparator = d.comparator and abs(f.value_std - d.value_std) <= 0.005 * d.value_std",
    ),
    # The log holds the local time of the second hospital, and whole minutes.
    "late": ("outcome = 'late'", "abs(epoch(f.known_at) - epoch(d.known_at)) < 6 * 3600"),
    "deduplicated": ("source = 'st_anne' and outcome = 'deduplicated'", "versions = 1"),
    "corrected": (
        "case_name = 'correction'",
        "from_last = 1 and op = 'correct' and abs(f.value_std - d.value_std) < 1e-6"
        " and (d.known_at is null or f.known_at = d.known_at)",
    ),
    "retracted": (
        "outcome in ('retracted', 'deleted')",
        "from_last = 1 and op = 'retract' and (d.known_at is null or f.known_at = d.known_at)",
    ),
}


@pytest.fixture(scope="module")
def dirt(demo: Twin) -> duckdb.DuckDBPyConnection:
    """The published snapshot with the log of seeded dirt beside it."""
    connection = duckdb.connect()
    connection.execute(f"attach '{demo.settings.snapshot}' as twin (read_only)")
    connection.execute("use twin")
    for view in (DIRT.format(truth=demo.settings.truth), FACT):
        connection.execute(view.replace("create view ", "create temp view "))
    return connection


def test_linkage_finds_the_same_people_as_the_identity_map(demo: Twin) -> None:
    ((truly, found, both),) = demo.truth(PAIRS)
    assert truly > 900
    assert both / found >= 0.99, "precision"
    assert both / truly >= 0.99, "recall"
    ((missing,),) = demo.truth(
        "select count(*) from '{truth}/identity.parquet' as t anti join core.twin_person_link as l"
        " using (source_system, source_person_key)"
    )
    assert missing == 0, "every identity of every source is in the link table"


@pytest.mark.parametrize("name", CASES)
def test_each_seeded_case_of_clinical_dirt_ends_as_planted(dirt: duckdb.DuckDBPyConnection, name: str) -> None:
    which, condition = CASES[name]
    rows = dirt.execute(
        f"select d.case_name, d.record, coalesce(bool_or({condition}), false) as ok"
        " from (select * from dirt where "
        + which
        + ") as d left join fact as f on f.source_system = d.source and f.source_id = d.record"
        " and (d.concept is null or coalesce(f.concept, d.concept) = d.concept) group by all"
    ).fetchall()
    assert rows
    assert [(case, record) for case, record, ok in rows if not ok] == []


def test_bad_lines_are_in_quarantine_with_their_line(demo: Twin, dirt: duckdb.DuckDBPyConnection) -> None:
    rejected = f"read_parquet('{demo.settings.derived}/rejected_record/all.parquet')"
    rows = dirt.execute(
        f"select d.case_name, d.line from dirt as d anti join {rejected} as r"
        " on r.path = d.file and r.record_no = d.line where d.outcome = 'rejected' and d.line is not null"
    ).fetchall()
    assert rows == []


def test_a_half_call_is_neither_a_heterozygote_nor_a_reference(demo: Twin, dirt: duckdb.DuckDBPyConnection) -> None:
    raw = f"read_parquet('{demo.settings.raw}/genome_genotype/*.parquet')"
    variants = f"read_parquet('{demo.settings.raw}/genome_variant/*.parquet')"
    rows = dirt.execute(
        "with half as (select expected->>'sample' as sample, expected->>'rsid' as rsid from dirt"
        " where case_name = 'half_call')"
        f" select a0, a1, state from half join {variants} as v using (rsid) join {raw} as g"
        " on g.file_id = v.file_id and g.variant_no = v.variant_no and g.sample = half.sample"
    ).fetchall()
    assert rows
    assert all(-1 in (a0, a1) and state != "hom_ref_asserted" for a0, a1, state in rows)


def test_future_and_past_samples_of_a_jumping_clock_are_not_in_anyones_days(demo: Twin) -> None:
    assert demo.rows(
        "select count(*) from core.twin_wearable_day where year(local_date) not between 2010 and 2026"
    ) == [(0,)]


def test_everyone_eligible_has_a_score_with_model_interval_and_reasons(demo: Twin) -> None:
    rows = demo.rows(
        "select task, count(*), count(*) filter (risk between risk_lo and risk_hi), count(model_version),"
        " count(first_reason) from marts_risk.risk_current group by task"
    )
    assert {task for task, *_ in rows} == {"ascvd_10y", "t2d_5y"}
    for _, people, inside, versions, reasons in rows:
        assert people > 100
        assert inside == versions == reasons == people


def test_a_second_demo_does_only_what_is_stale(demo: Twin) -> None:
    modified = demo.settings.snapshot.stat().st_mtime_ns
    demo("demo", "--people", "400")
    assert demo.settings.snapshot.stat().st_mtime_ns == modified


def test_tables_and_columns_explain_themselves_in_duckdb(demo: Twin) -> None:
    """The columns of marts_interop are those of OMOP, MEDS and FHIR, which explain them."""
    bare = demo.rows(
        "select schema_name, table_name from duckdb_tables() where schema_name <> 'meta' and comment is null"
        " union all select table_name, column_name from duckdb_columns()"
        " where schema_name not in ('meta', 'main', 'marts_interop') and not internal and comment is null"
    )
    assert bare == []


def test_no_identifier_is_left_in_the_deidentified_snapshot(demo: Twin) -> None:
    found = demo.json("deid", "report")
    assert found["left"] == {}
    assert found["checked_identifiers"] > 100_000
    assert found["deidentified"]["people"] == found["identified"]["people"]
    assert [one["kind"] for one in demo.json("publish", "--log")["publishes"]] == ["identified", "de-identified"]


def test_the_queries_of_the_readme_answer(demo: Twin) -> None:
    from tests.end_to_end.conftest import ROOT

    queries = [part.split("```")[0] for part in (ROOT / "README.md").read_text().split("```sql\n")[1:]]
    assert len(queries) == 3
    for query in queries:
        assert demo.rows(query)


def test_the_worked_questions_answer(demo: Twin) -> None:
    from tests.end_to_end.conftest import ROOT

    files = sorted((ROOT / "queries").glob("*.sql"))
    listed = (ROOT / "queries" / "README.md").read_text()
    assert len(files) >= 8
    for path in files:
        question = path.read_text()
        assert question.startswith("-- "), path.name
        assert f"({path.name})" in listed, path.name
        assert demo.rows(question), path.name
