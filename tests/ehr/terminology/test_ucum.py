"""Units: what converts, what is refused, and whether an independent library agrees with the table."""

from __future__ import annotations

import csv
import json

import pytest
from typer.testing import CliRunner

from ehr.terminology.sql import TRANSFORM
from ehr.terminology.ucum import Unconvertible, convert, validate
from orchestration.cli import app

SEED = TRANSFORM / "seeds" / "units" / "ucum_symbol.csv"


@pytest.mark.parametrize(
    ("value", "from_unit", "to_unit", "analyte", "expected"),
    [
        (98.6, "[degF]", "Cel", None, 37.0),  # definition of both scales
        (7.4, "[pH]", "nmol/L", None, 39.8107),  # 10^-7.4 mol/L
        (30, "dB", "1", None, 1000.0),  # bel: decimal logarithm of a ratio of powers
        (100, "%[slope]", "deg", None, 45.0),  # tangent 1
        (5.5, "mmol/L", "mg/dL", "2345-7", 99.09),  # 180.156 g/mol
        (99.0858, "mg/dL", "mmol/L", "fasting_glucose", 5.5),
        (88.4, "umol/L", "mg/dL", "creatinine", 1.0),  # conventional 88.4
        (10, "mg/dL", "mmol/L", "17861-6", 2.495),  # calcium, 40.078 g/mol
        (5, "meq/L", "mmol/L", "calcium", 2.5),  # two charges
        (53, "mmol/mol", "%", "hba1c", 7.0),  # NGSP: 53 mmol/mol is 7.0 %
        (6.5, "%", "mmol/mol", "4548-4", 47.5),
        (3, "mg/mmol", "mg/g", "uacr", 26.5),  # KDIGO 2012: 3 mg/mmol is about 30 mg/g
        (40, "U/L", "[IU]/L", "alt", 40.0),
        (1, "ukat/L", "U/L", None, 60.0),
        (7.5, "10*9/L", "10*3/uL", None, 7.5),
        (1, "m[IU]/L", "u[IU]/mL", None, 1.0),
        (72, "{beats}/min", "Hz", None, 1.2),
        (5, "IU/L", "[IU]/L", None, 5.0),  # no UCUM, but a known spelling
    ],
)
def test_values_reach_the_other_unit(value, from_unit, to_unit, analyte, expected):
    assert convert(value, from_unit, to_unit, analyte).result == pytest.approx(expected, rel=2e-3, abs=1e-12)


@pytest.mark.parametrize(
    ("from_unit", "to_unit", "analyte", "reason"),
    [
        ("mmol/L", "mg/dL", None, "analyte_unknown"),
        ("mmol/L", "mg/dL", "oxygen_saturation", "analyte_unknown"),
        ("mmol/L", "mg/dL", "alt", "molar_mass_unknown"),
        ("meq/L", "mmol/L", "glucose", "valence_unknown"),
        ("mmol/L", "10*3/uL", "glucose", "different_kind"),
        ("[IU]/L", "U/L", "glucose", "different_kind"),
        ("[IU]", "[arb'U]", None, "different_kind"),
        ("mmol/mol", "%", None, "amount_ratio"),
        ("mL/min", "mL/min/{1.73_m2}", None, "normalised_differently"),
        ("Cel/min", "K/min", None, "special_unit_in_compound"),
        ("furlong", "m", None, "from_unit_unknown"),
        ("m", "Mg/dLL", None, "to_unit_unknown"),
        ("K/uL", "10*9/L", None, "different_kind"),  # as UCUM, K is the kelvin
    ],
)
def test_what_is_not_known_is_refused(from_unit, to_unit, analyte, reason):
    with pytest.raises(Unconvertible) as refused:
        convert(1, from_unit, to_unit, analyte)
    assert refused.value.reason == reason


def test_a_refusal_names_what_records_may_mean():
    with pytest.raises(Unconvertible, match=r"where records mean 10\*3/uL by K/uL, give 10\*3/uL"):
        convert(1, "K/uL", "10*9/L")


def test_a_value_off_the_scale_is_refused():
    with pytest.raises(Unconvertible) as refused:
        convert(-1, "1", "Np")
    assert refused.value.reason == "no_value"


def test_validation_names_the_problem():
    bad, nested, dirty = validate(["mg//dL", "g/(m2.(24.h))", "K/uL"])
    assert bad.problem == "not an expression of the form unit.unit/unit"
    assert (nested.problem, nested.base_units) == (None, "g:1 m:-2 s:-1")
    assert nested.factor == pytest.approx(1 / 86_400)
    assert dirty.known_spelling_of == "10*3/uL"
    assert dirty.ucum_version == "2.2"


def test_every_alias_and_canonical_unit_is_ucum():
    units = set()
    for path, column in (("units/unit_alias", "unit"), ("concept", "canonical_unit")):
        with (TRANSFORM / "seeds" / f"{path}.csv").open(newline="") as file:
            units |= {row[column] for row in csv.DictReader(file) if row[column]}
    assert [(one.unit, one.problem) for one in validate(sorted(units)) if not one.is_valid] == []


def test_commands():
    runner = CliRunner()
    done = runner.invoke(app, ["ucum", "convert", "-40", "[degF]", "Cel", "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["result"] == -40.0
    refused = runner.invoke(app, ["ucum", "convert", "1", "mmol/L", "mg/dL"])
    assert (refused.exit_code, len(refused.stderr.splitlines())) == (1, 1)
    assert runner.invoke(app, ["ucum", "convert", "one", "m", "cm"]).exit_code == 2
    checked = runner.invoke(app, ["ucum", "validate", "mg/dL", "IU/L", "--json"])
    assert checked.exit_code == 1
    assert [one["is_valid"] for one in json.loads(checked.stdout)] == [True, False]


def test_the_table_is_what_the_generator_writes():
    pytest.importorskip("ucumvert", reason="the generator's library is not installed")
    from ehr.terminology.generate_ucum import rows

    with SEED.open(newline="") as file:
        assert [tuple(row) for row in csv.reader(file)] == rows()


DEFINED_OTHERWISE = {
    *("'", "''"),  # the library takes minutes and seconds of arc for those of time
    *("Mx", "G", "Oe"),  # a different system of electromagnetic units
    *("[cft_i]", "[cyd_i]", "[rd_br]", "[ch_br]", "[lk_br]"),  # the library's own mistakes: cubic foot = 0.003 m …
    *("[Cal]", "g%", "[LPF]"),
    *("[Btu]", "[in_i'H2O]", "[in_i'Hg]"),  # other conventional values, 0.07 % to 0.3 % away
}


def test_an_independent_library_agrees():
    """pint through ucumvert has its own definitions; published constants differ in the last digits only."""
    ucumvert = pytest.importorskip("ucumvert", reason="the independent library is not installed")
    registry = ucumvert.PintUcumRegistry()
    compared = 0
    with SEED.open(newline="") as file:
        for row in csv.DictReader(file):
            if row["kind"] == "prefix" or row["function_name"] or row["symbol"] in DEFINED_OTHERWISE:
                continue
            base = dict(part.split(":") for part in row["base_units"].split())
            kilograms = float(row["factor"]) * 1e-3 ** int(base.get("g", 0))
            theirs = registry.from_ucum(row["symbol"]).to_base_units().magnitude
            assert theirs == pytest.approx(kilograms, rel=1e-4), row["symbol"]
            compared += 1
    assert compared > 250
