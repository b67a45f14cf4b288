"""The ViewDefinition compiler, feature by feature; expectations follow SQL-on-FHIR v2 and FHIRPath."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ehr.fhir import CompileError, compile_view, plan_view, run_view

PATIENT = {
    "resourceType": "Patient",
    "id": "p",
    "active": True,
    "birthDate": "1970-02",
    "name": [{"family": "a", "given": ["x", "y"]}, {"use": "old", "family": "b"}],
    "contact": [{"name": {"family": "c"}}],
    "contained": [{"resourceType": "Organization", "name": "N"}],
    "extension": [{"url": "u", "valueCode": "F"}],
}
QUANTITY = {"resourceType": "Observation", "id": "o", "valueQuantity": {"value": 1.0}}


def rows(tmp_path: Path, view: dict[str, Any], *resources: dict[str, Any]) -> list[dict[str, Any]]:
    path = tmp_path / "resources.ndjson"
    path.write_text("\n".join(map(json.dumps, resources)))
    return run_view(view, path).to_pylist()


def view_of(path: str, resource: str = "Patient", **column: Any) -> dict[str, Any]:
    return {"resource": resource, "select": [{"column": [{"name": "v", "path": path, **column}]}]}


def value(tmp_path: Path, path: str, resource: dict[str, Any] | None = None, **column: Any) -> Any:
    given = resource or PATIENT
    (row,) = rows(tmp_path, view_of(path, given["resourceType"], **column), given)
    return row["v"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("Patient.id", "p"),
        ("%resource.id", "p"),
        ("name.first().given.first()", "x"),
        ("name.family.last()", "b"),
        ("name[1].family", "b"),
        ("name[7].family", None),
        ("name.where(use = 'old').family", "b"),
        ("name.where($this.family = 'b').exists()", True),
        ("name.exists(use = 'old')", True),
        ("name.all(family.exists())", True),
        ("photo.empty()", True),
        ("name.count() + 1", 3),
        ("name.given.join('-')", "x-y"),
        ("'x' in name.given", True),
        ("name.given contains 'z'", False),
        ("active.not()", False),
        ("deceased.exists()", False),
        ("deceased.ofType(boolean)", None),
        ("iif(active, 'yes', 'no')", "yes"),
        ("birthDate.combine(id).first()", "1970-02"),
        ("contained.ofType(Organization).name.first()", "N"),
        ("extension('u').value.ofType(code).first()", "F"),
        ("extension('w').value.ofType(code).first()", None),
        ("(1 + 2) * 3 - 4 / 2", 7.0),
        ("7 div 2 + 7 mod 2", 4),
        ("-1 * 2", -2),
        ("'a' & 'b' + 'c'", "abc"),
        ("true and {}", None),
        ("true or {}", True),
        ("true xor false", True),
        ("false implies true", True),
        (r"'it\'s'", "it's"),
        ("birthDate < @1980-01-01", True),
        ("birthDate = @1970-02-03", None),
        ("@2020-01-01T00:00:00+02:00 = @2019-12-31T22:00:00Z", True),
        ("birthDate.lowBoundary()", "1970-02-01"),
        ("birthDate.highBoundary()", "1970-02-28"),
    ],
)
def test_an_expression_gives(tmp_path: Path, path: str, expected: Any) -> None:
    assert value(tmp_path, path) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [("name.given | name.family", ["x", "y", "a", "b"]), ("name.where(use = 'maiden').family", []), ("id", ["p"])],
)
def test_a_collection_column_is_a_list(tmp_path: Path, path: str, expected: list[str]) -> None:
    assert value(tmp_path, path, collection=True) == expected


def test_the_boundaries_of_a_decimal(tmp_path: Path) -> None:
    """FHIRPath, lowBoundary: 1.0 stands for 0.95 … 1.05."""
    assert value(tmp_path, "value.ofType(Quantity).value.lowBoundary()", QUANTITY) == 0.95
    assert value(tmp_path, "value.ofType(Quantity).value.highBoundary()", QUANTITY) == 1.05


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("name.foo()", "foo.. is not supported"),
        ("name.", "unexpected 'end'"),
        ("%missing", "not a constant"),
        ("deceased", "ofType"),
        ("name = 'x'", "primitive"),
        ("1 + 'a'", "cannot join"),
        ("active and id", "needs booleans"),
        ("name.where(family)", "must be boolean"),
        ("value.ofType(Nonsense)", "FHIR R4 type"),
    ],
)
def test_what_is_not_supported_is_said_clearly(path: str, message: str) -> None:
    with pytest.raises(CompileError, match=message):
        plan_view(view_of(path))


@pytest.mark.parametrize(
    ("view", "message"),
    [
        ({}, "resource"),
        ({"resource": "Patience", "select": [{"column": [{"name": "a", "path": "id"}]}]}, "not a FHIR R4 resource"),
        (
            {"resource": "Patient", "select": [{"column": [{"name": "a b", "path": "id"}]}]},
            r"select\.0\.column\.0\.name",
        ),
        ({"resource": "Patient", "select": [{"column": [{"name": "a", "path": "id"}] * 2}]}, "defined twice"),
        ({"resource": "Patient", "select": [{"forEach": "name", "forEachOrNull": "name"}]}, "exclude each other"),
    ],
)
def test_an_invalid_view_is_refused_with_the_place(view: dict[str, Any], message: str) -> None:
    with pytest.raises(CompileError, match=message):
        plan_view(view)


def test_several_values_where_one_is_asked_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(duckdb.Error, match="more than one value"):
        value(tmp_path, "name.family")


def test_elements_that_fhir_does_not_have_are_reported(tmp_path: Path) -> None:
    assert plan_view(view_of("nmae.family")).unknown == ("Patient.nmae",)
    assert value(tmp_path, "nmae.family") is None


def test_only_the_elements_that_are_read_are_in_the_structs() -> None:
    plan = plan_view(view_of("name.given.first()"))
    assert plan.columns == {"resourceType": "VARCHAR", "name": 'STRUCT("given" VARCHAR[])[]'}


def test_the_same_view_compiles_to_the_same_sql(tmp_path: Path) -> None:
    view = view_of("name.where(use = 'old').family.first()")
    assert compile_view(view, tmp_path / "x.ndjson") == compile_view(view, tmp_path / "x.ndjson")


def test_quotes_in_constants_and_paths_stay_text(tmp_path: Path) -> None:
    view = view_of("name.where(family = %who).exists()") | {
        "constant": [{"name": "who", "valueString": "a' or 1=1 --"}]
    }
    assert rows(tmp_path, view, PATIENT) == [{"v": False}]


def test_row_index_counts_in_its_own_iteration(tmp_path: Path) -> None:
    given = {"forEachOrNull": "given", "column": [{"name": "j", "path": "%rowIndex"}, {"name": "g", "path": "$this"}]}
    name = {"forEach": "name", "column": [{"name": "i", "path": "%rowIndex"}], "select": [given]}
    view = {"resource": "Patient", "select": [{"column": [{"name": "top", "path": "%rowIndex"}]}, name]}
    assert rows(tmp_path, view, PATIENT) == [
        {"top": 0, "i": 0, "j": 0, "g": "x"},
        {"top": 0, "i": 0, "j": 1, "g": "y"},
        {"top": 0, "i": 1, "j": 0, "g": None},
    ]


@pytest.mark.parametrize("second", ["contact", None], ids=["two iterations", "one iteration and the resource"])
def test_union_branches_keep_their_row_index(tmp_path: Path, second: str | None) -> None:
    index = {"name": "i", "path": "%rowIndex"}
    names = {"forEach": "name", "column": [index, {"name": "f", "path": "family"}]}
    other = {"column": [index, {"name": "f", "path": "name.family" if second else "contact.name.family"}]}
    view = {"resource": "Patient", "select": [{"unionAll": [names, other | ({"forEach": second} if second else {})]}]}
    found = {(row["i"], row["f"]) for row in rows(tmp_path, view, PATIENT)}
    assert found == {(0, "a"), (1, "b"), (0, "c")}


def test_repeat_walks_to_any_depth_in_document_order(tmp_path: Path) -> None:
    tree: dict[str, Any] = {"code": "0"}
    for depth in range(1, 40):
        tree = {"code": str(depth), "concept": [tree]}
    resource = {"resourceType": "CodeSystem", "concept": [tree, {"code": "last"}]}
    columns = [{"name": "code", "path": "code"}, {"name": "i", "path": "%rowIndex"}]
    view = {"resource": "CodeSystem", "select": [{"repeat": ["concept"], "column": columns}]}
    found = sorted((row["i"], row["code"]) for row in rows(tmp_path, view, resource))
    assert found == [(at, code) for at, code in enumerate([*map(str, range(39, -1, -1)), "last"])]


def test_types_that_share_a_file_may_shape_an_element_differently(tmp_path: Path) -> None:
    organization = {"resourceType": "Organization", "id": "x", "name": "St Anne"}
    assert rows(tmp_path, view_of("name.family.first()"), PATIENT, organization) == [{"v": "a"}]


def test_a_wrong_shape_is_an_error_and_never_null(tmp_path: Path) -> None:
    with pytest.raises(duckdb.Error, match="shape"):
        rows(tmp_path, view_of("name.family.first()"), PATIENT, {"resourceType": "Patient", "name": "Jo"})
