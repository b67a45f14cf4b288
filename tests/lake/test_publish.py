"""Publish: atomic, undisturbed and undisturbing, the same content for the same rows."""

from __future__ import annotations

import subprocess
import sys

import duckdb
import pytest

from lake import publish, warehouse
from lake.settings import Settings


def build(settings: Settings, rows: str) -> None:
    with warehouse.writing(settings) as connection:
        connection.execute("create schema if not exists core; create schema if not exists staging")
        connection.execute(f"create or replace table core.t as select * from (values {rows}) as v(a, x)")
        connection.execute("comment on table core.t is 'One row per a.'; comment on column core.t.x is 'It''s x.'")
        connection.execute("create or replace view core.v as select a from core.t")
        connection.execute("create or replace table staging.secret as select 1 as a")


def test_only_allowed_schemas_are_published_with_their_comments(settings: Settings) -> None:
    build(settings, "(1, 0.5), (2, 1.5)")
    assert publish.publish(settings).rows == {"core.t": 2, "core.v": 2}
    with warehouse.reading(settings) as connection:

        def one(query: str) -> object:
            return connection.execute(query).fetchone()

        assert one("select note from meta.snapshot") == (warehouse.RESEARCH_USE,)
        assert one("select comment from duckdb_tables() where table_name = 't'") == ("One row per a.",)
        assert one("select comment from duckdb_columns() where column_name = 'x'") == ("It's x.",)
        assert one("select count(*) from duckdb_tables() where schema_name = 'staging'") == (0,)


def test_a_macro_is_published_only_with_every_table_that_it_reads(settings: Settings) -> None:
    def macros() -> list[tuple[str]]:
        publish.publish(settings)
        with warehouse.reading(settings) as connection:
            return connection.execute(
                "select function_name from duckdb_functions() where function_name = 'twin_environment'"
            ).fetchall()

    with warehouse.writing(settings) as connection:
        connection.execute("create schema core; create table core.environment_day (region_id varchar, date date)")
    assert macros() == []
    with warehouse.writing(settings) as connection:
        connection.execute(
            "create table core.twin_person_home (person_id varchar, region_id varchar, valid_from date, valid_to date)"
        )
    assert macros() == [("twin_environment",)]


def test_a_reader_holds_the_old_snapshot_while_a_new_one_is_published(settings: Settings) -> None:
    build(settings, "(1, 0.5)")
    publish.publish(settings)
    script = (
        "import sys, duckdb; c = duckdb.connect(sys.argv[1], read_only=True); print('open', flush=True);"
        " sys.stdin.readline(); print(c.execute('select count(*) from core.t').fetchone()[0], flush=True)"
    )
    command = [sys.executable, "-c", script, str(settings.snapshot)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout is not None
        assert reader.stdin is not None
        assert reader.stdout.readline() == "open\n"
        build(settings, "(1, 0.5), (2, 1.5)")
        publish.publish(settings)
        reader.stdin.write("\n")
        reader.stdin.flush()
        assert reader.stdout.readline() == "1\n"
    with warehouse.reading(settings) as connection:
        assert connection.execute("select count(*) from core.t").fetchone() == (2,)


def test_a_failed_publish_leaves_the_last_snapshot_and_no_draft(settings: Settings) -> None:
    build(settings, "(1, 0.5)")
    publish.publish(settings)
    with warehouse.writing(settings) as connection:
        connection.execute("create or replace view core.broken as select error('no') as a from core.t")
    with pytest.raises(duckdb.Error):
        publish.publish(settings)
    assert [path.name for path in settings.published.iterdir()] == ["twin.duckdb"]


def test_content_hash_ignores_order_and_clocks_but_not_values(settings: Settings) -> None:
    hashes = []
    for rows in ("(1, 0.5), (2, 1.5)", "(2, 1.5), (1, 0.5)", "(1, 0.5), (2, 1.6)", "(1, 0.5), (2, 1.5), (2, 1.5)"):
        build(settings, rows)
        hashes.append(publish.content_hash(publish.publish(settings).path)["core.t"])
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 3


def test_the_lock_of_a_killed_writer_dies_with_it(settings: Settings) -> None:
    settings.warehouse.parent.mkdir(parents=True)
    script = "import sys, time, duckdb; c = duckdb.connect(sys.argv[1]); print('open', flush=True); time.sleep(60)"
    command = [sys.executable, "-c", script, str(settings.warehouse)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        impatient = settings.model_copy(update={"lock_wait_seconds": 0.5})
        with pytest.raises(warehouse.Busy), warehouse.writing(impatient):
            pass
        writer.kill()
    with warehouse.writing(settings) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_core_is_handed_over_as_parquet(settings: Settings) -> None:
    build(settings, "(1, 0.5), (2, 1.5)")
    assert publish.export_core(settings) == {"t": 2, "v": 2}
    assert duckdb.sql(f"select sum(a) from '{settings.core}/t.parquet'").fetchall() == [(3,)]
