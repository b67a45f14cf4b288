"""The official UCUM functional tests (2021 edition): every validation, conversion, multiplication and division case.

Display names are not generated. The 2014 edition beside it contradicts the newer one in four cases that were corrected
since (k=1=049, 3-111, 3-115 and the empty unit); it is not run.
"""

from __future__ import annotations

from decimal import Decimal
from xml.etree import ElementTree

import pytest

from ehr.terminology.sql import with_seeds
from ehr.terminology.ucum import validate
from lake.sql_macros import macros


@pytest.fixture(scope="module")
def suite(shared_data):
    return ElementTree.parse(shared_data / "ehr" / "ucum" / "UcumFunctionalTests.xml").getroot()


def agrees(result: float, expected: str) -> bool:
    """Equal to as many digits as the suite states, but no more than doubles hold."""
    digits = min(len(Decimal(expected).as_tuple().digits), 14)
    return f"{result:.{digits - 1}e}" == f"{float(expected):.{digits - 1}e}"


def converted(requests):
    """All requests (value, from, to) in one pass of the macros that the warehouse runs."""
    with with_seeds("units/ucum_symbol", "units/analyte") as connection:
        connection.execute(
            "create temp table pairs (from_unit varchar, to_unit varchar, analyte varchar, reference_analyte varchar)"
        )
        connection.executemany("insert into pairs values (?, ?, null, null)", [one[1:] for one in requests])
        connection.execute("create temp table given as select unnest([from_unit, to_unit]) as unit from pairs")
        ucum = macros("ucum")
        connection.execute(
            f"create temp table parsed as select * from {ucum.ucum_parsed('given', 'ucum_symbol')} as one"
        )
        found = connection.execute(
            "select distinct from_unit, to_unit, problem, factor, value_offset"
            f" from {ucum.ucum_conversions('pairs', 'parsed', 'analyte')} as one"
        ).fetchall()
    known = {row[:2]: row[2:] for row in found}
    for value, *units in requests:
        problem, factor, offset = known[tuple(units)]
        assert problem is None, (units, problem)
        yield value * factor + offset


def test_validation(suite):
    cases = [(one.get("id"), one.get("unit"), one.get("valid") == "true") for one in suite.find("validation")]
    assert len(cases) == 529
    wrong = [
        (name, unit, found.problem)
        for (name, unit, valid), found in zip(cases, validate(unit for _, unit, _ in cases), strict=True)
        if found.is_valid != valid
    ]
    assert wrong == []


def test_conversion(suite):
    cases = [one.attrib for one in suite.find("conversion")]
    assert len(cases) == 30
    results = converted([(float(one["value"]), one["srcUnit"], one["dstUnit"]) for one in cases])
    wrong = [
        (one["id"], got, one["outcome"])
        for one, got in zip(cases, results, strict=True)
        if not agrees(got, one["outcome"])
    ]
    assert wrong == []


@pytest.mark.parametrize(("kind", "sign", "count"), [("multiplication", 1, 2), ("division", -1, 3)])
def test_multiplication_and_division(suite, kind, sign, count):
    cases = [one.attrib for one in suite.find(kind)]
    assert len(cases) == count
    operator = "." if sign == 1 else "/"
    requests = [
        (float(one["v1"]) * float(one["v2"]) ** sign, f"({one['u1']}){operator}({one['u2']})", one["uRes"])
        for one in cases
    ]
    wrong = [
        (one["u1"], one["u2"], got, one["vRes"])
        for one, got in zip(cases, converted(requests), strict=True)
        if not agrees(got, one["vRes"])
    ]
    assert wrong == []
