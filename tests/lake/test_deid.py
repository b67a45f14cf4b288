"""The de-identified snapshot: nothing that identifies a person is left in it, and intervals stay."""

from __future__ import annotations

import hashlib
import hmac
from datetime import date, datetime

import duckdb
import pytest

from lake import deid, encrypt, publish, publish_log, reidentify, warehouse
from lake.deid import TableRules
from lake.settings import Settings

KEY = bytes(range(32))
RULES = {
    "core.twin_person": TableRules(
        {"person_id": "person", "birth_date": "birth_date", "birth_year": "birth_year", "sex": "none"}
        | {"death_date": "date", "region_id": "region", "last_observed_at": "date"}
    ),
    "core.finding": TableRules(
        {"person_id": "person", "fact_key": "key", "inputs": "key", "event_at": "date", "display": "text"}
        | {"code": "code", "age_years": "age", "ingested_at": "run", "as_of": "calendar", "answer": "answer"}
    ),
    "core.twin_person_attribute": TableRules({"value": "direct", "person_id": "person"}, left_out=True),
    "marts_quality.rate": TableRules({"measure": "none", "numerator": "people", "denominator": "people"}),
}
TABLES = """
create schema core; create schema marts_quality;
create table core.twin_person as select * from (values
    ('P1', date '1950-03-04', 1950, 'female', null::date, '130', timestamp '2020-01-05 10:00'),
    ('P2', date '1930-03-04', 1930, 'male', null, '036', timestamp '2020-01-05 10:00'),
    ('P3', date '1925-03-04', 1925, 'male', date '1990-02-03', 'B-7', timestamp '1990-02-01 10:00')
) as t(person_id, birth_date, birth_year, sex, death_date, region_id, last_observed_at);
create table core.finding as select * from (values
    ('P1', 'key-one', ['key-one', 'key-two'], timestamp '2020-01-05 10:00', 'told by Dr Amsel', 'E11.9', 65,
     timestamp '2026-01-01', timestamp '2026-07-01', 'never'),
    ('P1', 'key-two', [], timestamp '2020-02-06 11:30', null, 'call amsel@example.org', 91, null, null, 'ask Amsel'),
    (null, 'key-three', [], timestamp '2020-02-06 11:30', null, 'E11', 90, null, null, null)
) as t(person_id, fact_key, inputs, event_at, display, code, age_years, ingested_at, as_of, answer);
alter table core.finding add column note varchar default 'nobody tagged me';
alter table core.finding alter column display set default 'x';
create table core.twin_person_attribute as select * from (values
    ('P1', 'family', 'Amsel'), ('P1', 'mrn', 'MRN-000017')) as t(person_id, attribute, value);
create table marts_quality.rate as select * from (values
    ('a', 40, 80), ('b', 10, 80), ('c', 75, 80), ('d', 0, 80)) as t(measure, numerator, denominator);
comment on table core.finding is 'One row per fact.';
comment on column core.finding.code is 'The code.';
"""


@pytest.fixture
def published(settings: Settings) -> Settings:
    with warehouse.writing(settings) as connection:
        connection.execute(TABLES)
    publish.publish(settings)
    return settings


def rows(settings: Settings, query: str) -> list[tuple[object, ...]]:
    with warehouse.reading(settings, settings.snapshot_deid) as connection:
        return connection.execute(query).fetchall()


def pseudonym(text: str) -> str:
    return hmac.new(KEY, text.encode(), hashlib.sha256).hexdigest()


def test_pseudonyms_are_hmacs_and_join_as_before(published: Settings) -> None:
    deid.deidentify(published, RULES, key=KEY)
    one = "D" + pseudonym("person P1")[:16]
    first, second = pseudonym("key-one")[:32], pseudonym("key-two")[:32]
    assert rows(published, "select person_id, fact_key, inputs from core.finding where age_years = 65") == [
        (one, first, [first, second])
    ]
    assert rows(published, f"select count(*) from core.twin_person where person_id = '{one}'") == [(1,)]


def test_dates_move_by_days_of_the_person_and_intervals_stay(published: Settings) -> None:
    deid.deidentify(published, RULES, key=KEY)
    days = 1 + int(pseudonym("shift P1")[:8], 16) % 364
    moments = rows(published, "select event_at from core.finding where person_id is not null order by event_at")
    moved = [datetime(2020, 1, 5, 10) - moments[0][0], datetime(2020, 2, 6, 11, 30) - moments[1][0]]  # type: ignore[operator]
    assert [one.total_seconds() for one in moved] == [days * 86400] * 2
    # a moment that many people share would give their shifts away, so does the time of loading
    assert rows(published, "select as_of, ingested_at from core.finding where age_years = 65") == [
        (datetime(2026, 1, 1), None)
    ]
    # nobody's: no shift, no date
    assert rows(published, "select event_at from core.finding where person_id is null") == [(None,)]
    deid.deidentify(published, RULES, dates="year", key=KEY)
    assert rows(published, "select distinct event_at from core.finding where person_id is not null") == [
        (datetime(2020, 1, 1),)
    ]


def test_ages_places_and_texts(published: Settings) -> None:
    deid.deidentify(published, RULES, key=KEY)
    assert rows(published, "select age_years, code, answer, display, note from core.finding order by 1, 2") == [
        (65, "E11.9", "never", None, None),
        (90, "E11", None, None, None),
        (90, None, None, None, None),
    ]
    # born in 1930 and last seen at 90; born in 1925, but died at 65
    people = rows(published, "select birth_date, birth_year is null, region_id, sex from core.twin_person order by 3")
    assert people == [(None, True, "000", "male"), (None, False, "130", "female"), (None, False, None, "male")]
    shifted = rows(published, "select birth_year from core.twin_person where region_id = '130'")
    assert shifted in ([(1949,)], [(1950,)])
    assert len(deid.SMALL_ZIP3) == 17


def test_small_counts_and_small_differences_are_not_shown(published: Settings) -> None:
    made = deid.deidentify(published, RULES, key=KEY)
    assert rows(published, "from marts_quality.rate order by 1") == [("a", 40, 80), ("d", 0, 80)]
    assert made.suppressed_rows == 2
    assert made.left_out == ("core.twin_person_attribute",)


def test_comments_come_along_and_the_key_does_not(published: Settings) -> None:
    deid.deidentify(published, RULES)
    assert rows(published, "select comment from duckdb_tables() where table_name = 'finding'") == [
        ("One row per fact.",)
    ]
    assert rows(published, "select note from meta.snapshot")[0][0].startswith("de-identified")  # type: ignore[union-attr]
    key = published.deid_key.read_text()
    assert len(bytes.fromhex(key)) == 32
    assert published.deid_key.stat().st_mode & 0o077 == 0
    assert bytes.fromhex(key) not in published.snapshot_deid.read_bytes()
    before = rows(published, "select person_id from core.twin_person order by 1")
    deid.deidentify(published, RULES)
    assert rows(published, "select person_id from core.twin_person order by 1") == before


def test_text_and_times_without_a_tag_are_named() -> None:
    columns = {"a": "VARCHAR", "b": "TIMESTAMP", "c": "DOUBLE", "d": "VARCHAR[]", "e": "DATE"}
    assert deid.untagged(columns, TableRules({"a": "none"})) == ["b", "d", "e"]


def test_the_report_finds_what_is_left_and_counts_groups(published: Settings) -> None:
    deid.deidentify(published, RULES, key=KEY)
    found = reidentify.report(published, RULES, k=2)
    assert found.left == {}
    assert found.checked_identifiers >= 4
    assert (found.deidentified.people, found.deidentified.groups, found.deidentified.unique) == (3, 3, 3)
    # a wrong tag lets a name through, and the report sees it
    leaky = {**RULES, "core.finding": TableRules({**RULES["core.finding"].columns, "display": "none"})}
    deid.deidentify(published, leaky, key=KEY)
    assert reidentify.report(published, leaky).left == {"core.finding.display": 1}
    with pytest.raises(ValueError, match="no column shoe_size"):
        reidentify.report(published, RULES, quasi=["shoe_size"])


def test_k_is_the_size_of_the_smallest_group() -> None:
    with duckdb.connect() as connection:
        connection.execute("create table t as select unnest([1, 1, 1, 2, 2, 3]) as year, 'f' as sex")
        found = reidentify.anonymity(connection, "t", ["year", "sex"], k=3)
    assert (found.people, found.groups, found.smallest, found.unique, found.below) == (6, 3, 1, 1, 3)
    assert (found.highest_risk, found.mean_risk) == (1.0, 0.5)


def test_the_log_of_publishes_shows_a_changed_line(published: Settings) -> None:
    made = deid.deidentify(published, RULES, key=KEY)
    for _ in range(3):
        publish_log.note(published, "de-identified", made.publication)
    assert publish_log.broken_at(published) is None
    assert [one.rows for one in publish_log.events(published)] == [sum(made.publication.rows.values())] * 3
    path = publish_log.log_path(published)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], lines[1].replace("de-identified", "identified"), lines[2]]) + "\n")
    assert publish_log.broken_at(published) == 3


def test_encryption_needs_a_strong_key_and_says_what_is_missing(published: Settings, monkeypatch) -> None:
    with pytest.raises(encrypt.NoEncryption, match="at least 16"):
        encrypt.encrypt(published, "short")
    key = "correct horse battery staple"
    monkeypatch.setattr(encrypt, "EXTENSION", "no_such_extension")
    with pytest.raises(encrypt.NoEncryption, match="httpfs"):
        encrypt.encrypt(published, key)
    # what the extension would write, with weaker random numbers
    monkeypatch.setattr(encrypt, "_ready", lambda one: one.execute("set force_mbedtls_unsafe = true"))
    encrypt.encrypt(published, key)
    assert b"Amsel" not in published.snapshot_encrypted.read_bytes()
    with duckdb.connect() as connection:
        with pytest.raises(duckdb.Error):
            connection.execute(f"attach '{published.snapshot_encrypted}' as e (encryption_key 'wrong', read_only)")
        connection.execute(f"attach '{published.snapshot_encrypted}' as e (encryption_key '{key}', read_only)")
        assert connection.execute("select count(*) from e.core.twin_person_attribute").fetchall() == [(2,)]


def test_a_date_of_death_is_shifted_like_everything_else(published: Settings) -> None:
    deid.deidentify(published, RULES, key=KEY)
    ((died, seen),) = rows(
        published, "select death_date, last_observed_at from core.twin_person where death_date is not null"
    )
    assert isinstance(died, date)
    assert died != date(1990, 2, 3)
    assert (died - seen.date()).days == 2  # type: ignore[attr-defined]
