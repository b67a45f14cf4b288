"""Generate the seed ``ucum_symbol``: every UCUM symbol as a factor and base units. Run by hand, never at runtime.

    python -m pip install ucumvert==0.3.2 && python -m ehr.terminology.generate_ucum

Source: the definitions of UCUM that ``ucumvert`` (MIT) reads, © Regenstrief Institute, UCUM License 1.1,
https://unitsofmeasure.org/license. Only symbols and numbers are written; a definition such as ``bar = 1e5 Pa`` is
followed down to base units in exact fractions.

Two things are kept apart that UCUM takes for plain numbers: amounts of substance (``mol``, ``eq``, ``osm``), so that no
concentration becomes a cell count and no mmol a meq; and every arbitrary unit, which is commensurable with itself only.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field
from fractions import Fraction
from importlib import import_module
from typing import Any

from lake.settings import PROJECT_DIR

TARGET = PROJECT_DIR / "transform" / "seeds" / "units" / "ucum_symbol.csv"
AMOUNTS = ("mol", "eq", "osm")
COMPONENT = re.compile(r"([./]?)((?:\[[^\]]*\]|[^./()\[\]])+)")
ARGUMENT = {"[p'diop]": ("1", "rad"), "%[slope]": ("1", "rad")}
"""Where the machine-readable definition of a special unit names another argument than the specification: a slope of
100 % is an angle whose tangent is 1, whatever the angle's unit."""


@dataclass
class Symbol:
    """A symbol in base units; ``function`` names the formula of a special unit, ``factor`` is then its argument's."""

    factor: Fraction
    base: dict[str, int] = field(default_factory=dict)
    function: str = ""
    is_metric: bool = False


def symbols() -> tuple[str, dict[str, Fraction], dict[str, Symbol]]:
    """The version of UCUM, the prefixes, and the symbols.

    Raises:
        ValueError: a definition names a symbol that has none.
    """
    xml: Any = import_module("ucumvert.xml_util")
    prefixes = {
        one.attrib["Code"]: Fraction(one.find("{*}value").attrib["value"]) for one in xml.root.findall(".//{*}prefix")
    }
    known = {code: Symbol(Fraction(1), {code: 1}, is_metric=True) for code in xml.get_base_units()}
    waiting = {one.attrib["Code"]: one for one in xml.root.findall(".//{*}unit")}
    while waiting:
        before = len(waiting)
        for code, one in list(waiting.items()):
            if (found := _defined(code, one, known, prefixes)) is not None:
                known[code] = found
                del waiting[code]
        if len(waiting) == before:
            raise ValueError(f"no definition can be followed for {sorted(waiting)}")
    return xml.root.attrib["version"], prefixes, known


def _defined(code: str, unit: Any, known: dict[str, Symbol], prefixes: dict[str, Fraction]) -> Symbol | None:
    is_metric = unit.attrib["isMetric"] == "yes"
    value = unit.find("{*}value")
    function = value.find("{*}function")
    if code in AMOUNTS:
        return Symbol(Fraction(1), {code: 1}, is_metric=is_metric)
    if unit.attrib.get("isArbitrary") == "yes" and value.attrib["Unit"] == "1":
        return Symbol(Fraction(1), {code: 1}, is_metric=is_metric)
    if function is not None:
        number, text = ARGUMENT.get(code, (function.attrib["value"], function.attrib["Unit"]))
    else:
        number, text = value.attrib["value"], value.attrib["Unit"]
    found = expression(text, known, prefixes)
    if found is None:
        return None
    name = "" if function is None else function.attrib["name"]
    return Symbol(Fraction(number) * found.factor, found.base, name, is_metric)


def expression(text: str, known: dict[str, Symbol], prefixes: dict[str, Fraction]) -> Symbol | None:
    """A defining expression, which has no parentheses, in base units; None if it names a symbol not yet known."""
    total = Symbol(Fraction(1))
    for operator, token in COMPONENT.findall(text):
        sign = -1 if operator == "/" else 1
        if token.isdigit():
            total.factor *= Fraction(token) ** sign
            continue
        matched = re.fullmatch(r"(.*?)([+-]?\d+)?", token)
        assert matched is not None
        power = sign * int(matched[2] or 1)
        found = _symbol(matched[1], known, prefixes)
        if found is None:
            return None
        total.factor *= found.factor**power
        for base, exponent in found.base.items():
            total.base[base] = total.base.get(base, 0) + power * exponent
    total.base = {base: exponent for base, exponent in total.base.items() if exponent}
    return total


def _symbol(code: str, known: dict[str, Symbol], prefixes: dict[str, Fraction]) -> Symbol | None:
    if code in known:
        return known[code]
    for prefix, factor in prefixes.items():
        rest = known.get(code.removeprefix(prefix)) if code.startswith(prefix) else None
        if rest is not None and rest.is_metric:
            return Symbol(factor * rest.factor, rest.base)
    return None


def rows() -> list[tuple[str, ...]]:
    """The seed's rows, header first."""
    version, prefixes, known = symbols()
    found: list[tuple[str, ...]] = [
        ("symbol", "kind", "is_metric", "factor", "base_units", "function_name", "ucum_version")
    ]
    found += [(code, "prefix", "false", repr(float(factor)), "", "", version) for code, factor in prefixes.items()]
    for code, one in known.items():
        base = " ".join(f"{name}:{exponent}" for name, exponent in sorted(one.base.items()))
        metric = str(one.is_metric).lower()
        found.append((code, "unit", metric, repr(float(one.factor)), base, one.function, version))
    return found


def main() -> None:
    """Write the seed."""
    with TARGET.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows())


if __name__ == "__main__":
    main()
