"""Mapping files: what is shipped is sound, what is wrong is said clearly."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from ehr.extract.catalog import SHIPPED, load_mappings, shipped_mappings
from ehr.extract.check import check
from ehr.extract.mapping import MappingError, load
from ehr.extract.reader import READERS
from ehr.extract.tables import MIMIC_IV, TABLES
from lake import contracts
from lake.settings import Settings
from lake.tables import by_name

SOUND = {
    "name": "mine",
    "description": "One row per thing.",
    "files": "mine*.csv",
    "table": "thing",
    "columns": {"key": "string!", "size": {"type": "number", "from": ["size", "length"]}},
}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"colums": {}}, "mapping mine: colums: no such key, did you mean columns?; there are name, "),
        ({"columns": {}}, "at least 1 item"),
        ({"columns": {"key": "text"}}, "columns.0.type"),
        ({"columns": [{"to": "a"}, {"to": "a"}]}, "mapped twice: a"),
        ({"columns": [{"to": "a", "from": "b", "constant": 1}]}, "give one of"),
        ({"columns": [{"to": "a", "constant": 1}]}, "none reads the file"),
        ({"zone": "Berlin"}, "not an IANA time zone such as Europe/Berlin"),
        ({"delimiter": ":"}, "delimiter"),
        ({"files": []}, "give `files` patterns"),
        ({"semantics": {"known_at": "stored"}}, "names 'stored', which no column feeds"),
    ],
)
def test_a_wrong_mapping_is_explained(tmp_path: Path, change: dict[str, object], said: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({**SOUND, **change}))
    with pytest.raises(MappingError) as caught:
        load(path)
    assert "mine.yaml" in str(caught.value)
    assert said in str(caught.value)


@pytest.mark.parametrize("text", ["- a", "a: [", "mappings: 3", "mappings: [3]", "\xff"])
def test_what_is_no_mapping(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(MappingError, match=r"mine\.yaml"):
        load(path)


def test_a_column_that_the_table_does_not_have(settings: Settings) -> None:
    own = settings.home / "mappings"
    own.mkdir(parents=True)
    (own / "mine.yaml").write_text(yaml.safe_dump({**SOUND, "table": "lab_result"}))
    with pytest.raises(MappingError, match="lab_result has no column 'key'"):
        load_mappings(settings)
    (own / "mine.yaml").write_text(yaml.safe_dump({**SOUND, "name": "labs"}))
    with pytest.raises(MappingError, match="same name: labs"):
        load_mappings(settings)


def test_shipped_mappings_and_tables() -> None:
    names = [mapping.name for mapping in shipped_mappings()]
    assert len(names) == len(set(names))
    assert {"labs", "vitals", "people", "riverside_labs"} <= set(names)
    assert len(by_name(TABLES)) == len(TABLES)
    # 31 tables of hosp and icu (https://mimic.mit.edu/docs/iv/), and the demo's list of patients.
    assert len(MIMIC_IV) == 32
    for reader in READERS:
        assert set(reader.tables) <= set(TABLES)


def test_contracts_name_existing_columns() -> None:
    contract = contracts.load([SHIPPED.parent / "contracts.yaml"])
    tables = by_name(TABLES)
    for table, expectations in contract.items():
        for one in expectations:
            assert one.column in tables[table].schema.names


def test_check_explains_what_a_mapping_would_do(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "labs.csv"
    path.write_text(
        "patient_id,code,value,collected_at,ward\nP1,GLU,5,2024-01-01 08:00,A\nP2,GLU,5,yesterday,A\nP3,GLU\n"
    )
    mapping = next(one for one in load_mappings(settings) if one.name == "labs")
    report = check(mapping, path, settings)
    assert (report.read, report.accepted, report.rejected, report.clean) == (3, 1, 2, False)
    assert report.columns_not_mapped == ["ward"]
    assert report.broken == {"wrong_column_count": 1}
    by_target = {column.to: column for column in report.columns}
    assert by_target["collected_at"].rejected == {"invalid_timestamp": 1}
    assert by_target["patient_id"].origin == "patient_id"
    assert by_target["unit"].origin == "not in the file: null"
    assert report.examples[0].startswith("line 4: wrong_column_count")
    assert not any("yesterday" in example for example in report.examples)
    path.write_text("a:b\n")
    assert check(mapping, path, settings).refused.startswith("missing_column: line 1: mapping labs expects")
