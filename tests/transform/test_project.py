"""The project as a whole: it builds on empty tables, keeps its shapes, and describes every column."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from importlib import import_module
from importlib.util import find_spec

import pytest

from lake import deid, publish
from orchestration import privacy
from tests.transform.conftest import TRANSFORM, source_tables

ENTITIES = (
    "measurement|condition|medication|procedure|encounter|immunization|allergy|device|family_history|imaging_study"
    "|report|order|not_done"
)


@pytest.fixture(scope="session")
def empty_home(new_home):
    home = new_home()
    # as in production: what needs no model first, then what shows the models' results
    home.dbt("build", "--exclude", "tag:after_models", "--exclude-resource-type", "unit_test")
    assert home.query("select count(*) from duckdb_schemas() where schema_name = 'marts_risk'") == [(0,)]
    home.dbt("build", "--select", "tag:after_models", "--exclude-resource-type", "unit_test")
    return home


@pytest.fixture(scope="session")
def manifest(empty_home):
    return json.loads((empty_home.path / "build" / "dbt" / "manifest.json").read_text())


def models(manifest):
    return [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]


def test_builds_when_nothing_has_landed(empty_home):
    assert empty_home.query("select count(*) from core.twin_fact") == [(0,)]


def test_dbt_unit_tests(empty_home):
    outcome = empty_home.dbt("test", "--select", "test_type:unit")
    assert len(outcome.results) >= 15


def test_in_process_dbt_leaves_the_file_free(empty_home):
    import duckdb

    duckdb.connect(str(empty_home.path / "build" / "twin.duckdb")).close()


def test_staging_models_of_an_entity_have_the_same_columns_in_the_same_order(empty_home):
    columns = defaultdict(list)
    for table, column, kind in empty_home.query(
        "select table_name, column_name, data_type from information_schema.columns where table_schema = 'staging'"
        " order by table_name, ordinal_position"
    ):
        columns[table].append((column, kind))
    record = columns["stg_fhir__measurement"]
    assert len(record) == 31
    for table, found in columns.items():
        entity = table.rpartition("__")[2]
        if re.fullmatch(ENTITIES, entity) and not table.startswith("stg_wearables"):
            assert found == record, table
        if entity == "person":
            assert found == columns["stg_fhir__person"], table


def test_sources_are_what_readers_write():
    declared = source_tables()
    checked = 0
    for module, attribute in (
        ("ehr.fhir.tables", "TABLES"),
        ("ehr.extract.tables", "TABLES"),
        ("ehr.hl7v2.tables", "TABLES"),
        ("ehr.ccda.tables", "TABLES"),
        ("ehr.dicom.tables", "TABLES"),
        ("wearables.tables", "TABLES"),
        ("genomics.tables", "TABLES"),
        ("genomics.tables", "DERIVED"),
        ("ml.tables", "DERIVED"),
        ("simulation.tables", "DERIVED"),
        ("lake.manifest", "TABLES"),
        ("lake.dq", "TABLES"),
    ):
        if find_spec(module.partition(".")[0]) is None or find_spec(module) is None:
            continue
        for table in getattr(import_module(module), attribute):
            if table.name in declared:
                layer, schema = declared[table.name]
                wanted = table.raw_schema if layer == "raw" else table.schema
                written = {field.name: field.type for field in wanted}
                assert {field.name: written.get(field.name) for field in schema} == {
                    field.name: field.type for field in schema
                }, table.name
                checked += 1
    assert checked > 20


def test_every_model_and_column_is_described(manifest, empty_home):
    present = defaultdict(set)
    for table, column in empty_home.query("select table_name, column_name from duckdb_columns() where not internal"):
        present[table].add(column)
    for node in models(manifest):
        name = node["name"]
        assert node["description"], name
        documented = {column for column, one in node["columns"].items() if one["description"]}
        assert documented == present[name], (name, present[name] ^ documented)


def test_core_and_marts_have_contracts_and_a_tested_grain(manifest):
    tested = {
        node["attached_node"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test" and node["test_metadata"]["name"] == "unique_together"
    }
    for node in models(manifest):
        if node["fqn"][1] in ("core", "marts"):
            assert node["contract"]["enforced"], node["name"]
            assert node["unique_id"] in tested, node["name"]
            assert re.match(r"One row per ", node["description"]), node["name"]


def test_every_published_column_that_could_identify_someone_says_whether_it_does(manifest, empty_home):
    """Text, dates and times must carry a tag, as must numbers whose name is that of an identifier or a quasi one."""
    suspicious = re.compile(
        r"age_years|birth|_no$|^n_people|zip|postal|mrn|ssn|phone|email|address|account|serial|latitude|longitude"
    )
    harmless = {"code_no", "rank_no", "feature_no", "run_no"}
    rules = privacy.rules_of(manifest)
    published = defaultdict(dict)
    for schema, table, column, kind in empty_home.query(
        "select schema_name, table_name, column_name, data_type from duckdb_columns() where not internal"
    ):
        if schema in publish.PUBLISHED_SCHEMAS:
            published[f"{schema}.{table}"][column] = kind
    assert len(published) > 30
    for name, columns in published.items():
        assert deid.untagged(columns, rules[name]) == [], name
        named = {one for one in columns if suspicious.search(one) and one not in harmless}
        assert named - set(rules[name].columns) == set(), name
        assert set(rules[name].columns.values()) <= deid.TAGS, name


def test_results_of_models_stay_out_of_the_first_pass(manifest):
    later = {node["unique_id"] for node in models(manifest) if "after_models" in node["tags"]}
    assert later
    for node in models(manifest):
        reads = set(node["depends_on"]["nodes"])
        needs_results = (
            any(name.startswith(("source.twin.ml_results.", "source.twin.simulation_results.")) for name in reads)
            or reads & later
        )
        assert bool(needs_results) == (node["unique_id"] in later), node["name"]


def test_descriptions_are_in_the_database(empty_home):
    ((comment,),) = empty_home.query(
        "select comment from duckdb_columns() where table_name = 'twin_fact' and column_name = 'known_at'"
    )
    assert comment.startswith("When a clinician or system could first have used")


def test_no_machine_paths():
    for path in TRANSFORM.rglob("*"):
        if path.suffix in {".sql", ".yml", ".csv", ".md"}:
            assert not re.search(r"/(work|tmp|home|root)/", path.read_text()), path


BEYOND_SPARK = {
    "environment_day": "isfinite, of a reading that is no number",
    "twin_state": "arrays in brackets: which facts a state rests on",
    "twin_person_baseline_day": "medians over lists",
    "twin_workout": "as-of join with the history of time zones",
}
"""Models of the core and of the analysts that are not written in the SQL that DuckDB and Spark share, and why."""


def test_core_and_analyst_models_are_written_in_the_sql_that_duckdb_and_spark_share(manifest, empty_home):
    """Their text, as it is but for the quotes of names, is Spark's: judged by sqlglot's parser of its dialect."""
    import sqlglot
    from sqlglot import exp

    found = {}
    compiled = empty_home.path / "build" / "dbt" / "compiled" / "twin" / "models"
    for node in models(manifest):
        if node["fqn"][1] != "core" and node["fqn"][1:3] != ["marts", "analyst"]:
            continue
        text = (compiled / node["path"]).read_text().replace('"', "`")
        foreign = re.findall(r"\* exclude|\* replace|\[[\w.]+[,\]]|\{'", text)
        try:
            tree = sqlglot.parse_one(text, read="spark")
        except sqlglot.ParseError as error:
            foreign.append(str(error).splitlines()[0])
        else:
            # functions that Spark does not have; make_date it has, from 3.0 on
            foreign += [one.name for one in tree.find_all(exp.Anonymous) if one.name != "make_date"]
            foreign += [one.method for one in tree.find_all(exp.Join) if one.method]
        if foreign:
            found[node["name"]] = foreign
    assert set(found) == set(BEYOND_SPARK), found


def test_what_an_increment_narrows_is_read_only_by_what_it_completes(manifest):
    """A plain table that holds only touched people must not feed a plain table that holds everyone."""
    by_id = manifest["nodes"]
    lists = ("model.twin.int_identity__touched", "model.twin.int_wearable_day__touched")

    def children(unique_id):
        found = [by_id[one] for one in manifest["child_map"][unique_id] if one.startswith("model.")]
        return [one for one in found if "after_models" not in one["tags"]]

    waiting = [one for touched in lists for one in children(touched) if one["config"]["materialized"] != "incremental"]
    seen = set()
    while waiting:
        node = waiting.pop()
        if node["name"] in seen or node["config"]["materialized"] == "incremental":
            continue
        seen.add(node["name"])
        waiting += children(node["unique_id"])
        assert node["fqn"][1] == "intermediate", f"{node['name']} would hold touched people only"
    assert {"int_record__coded", "int_fact__versioned", "int_state__evidence", "int_wearable_sample__located"} <= seen


def test_staging_of_rows_that_stand_alone_reads_each_file_by_itself(manifest):
    """`scope: row` lets an increment read new files only: then no row may depend on another file's."""
    scopes = {one["unique_id"]: one["meta"].get("scope", "source") for one in manifest["sources"].values()}
    checked = 0
    for node in models(manifest):
        sources = [one for one in node["depends_on"]["nodes"] if one.startswith("source.")]
        if node["fqn"][1] == "staging" and sources and all(scopes[one] == "row" for one in sources):
            text = node["raw_code"].replace("left join zones", "")  # of the database itself
            assert not re.search(r"\bjoin\b|\bover\b|\bgroup by\b|\bqualify\b", text), node["name"]
            checked += 1
    assert checked > 20
