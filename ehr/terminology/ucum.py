"""UCUM (https://ucum.org/ucum): is this a unit, and what is a value in another one. Refuses what it does not know.

Departures from UCUM, each towards refusing rather than guessing: moles, equivalents and osmoles are kinds of their own
(UCUM takes all three for one number); a ratio of moles is not a plain number; an annotation with a number in it, such
as ``{1.73_m2}``, means a normalised quantity that does not equal the bare one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import duckdb

from ehr.terminology.sql import with_seeds
from lake.sql_macros import macros

REFUSALS = {
    "from_unit_unknown": "{from_unit!r} is not a UCUM unit and no known spelling of one; `twin ucum validate` says why",
    "to_unit_unknown": "{to_unit!r} is not a UCUM unit and no known spelling of one; `twin ucum validate` says why",
    "different_kind": "{from_unit} and {to_unit} measure different things",
    "special_unit_in_compound": "a special unit (such as Cel or [pH]) has no factor inside a compound unit",
    "normalised_differently": "{from_unit} and {to_unit} are normalised to different things by their annotations",
    "amount_ratio": "a ratio of amounts of substance is not a plain number; the analyte's own formula is needed",
    "analyte_unknown": "mass, amount and equivalents meet only for a known analyte; name one with --analyte",
    "molar_mass_unknown": "no molar mass is on record for analyte {analyte}",
    "valence_unknown": "no valence is on record for analyte {analyte}",
    "no_value": "the value has no counterpart on the scale of {to_unit}",
}


class Unconvertible(ValueError):
    """A conversion was refused; ``reason`` is a key of ``REFUSALS``."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


@dataclass(frozen=True)
class Unit:
    """What a unit expression means.

    Attributes:
        unit: the expression.
        problem: why it is not UCUM; ``None`` when it is.
        factor, base_units: its base expression, such as 1e-3 and ``g:1 m:-3``; of a special unit, its argument's.
        function: the formula of a special unit (``Cel``, ``pH``, ``lg`` …).
        known_spelling_of: the UCUM unit that the warehouse takes this spelling for, if it is listed in ``unit_alias``.
        ucum_version: the version of UCUM that the symbols come from.
    """

    unit: str
    problem: str | None
    factor: float | None
    base_units: str | None
    function: str | None
    known_spelling_of: str | None
    ucum_version: str

    @property
    def is_valid(self) -> bool:
        """The expression is UCUM, case-sensitive."""
        return self.problem is None


@dataclass(frozen=True)
class Conversion:
    """A converted value and how it was reached. ``factor`` and ``value_offset`` are ``None`` if it is not linear."""

    value: float
    from_unit: str
    to_unit: str
    result: float
    factor: float | None
    value_offset: float | None
    analyte: str | None
    basis: str


def validate(units: Iterable[str]) -> list[Unit]:
    """Parse unit expressions; one ``Unit`` per expression given, in order. Never raises for a bad one."""
    given = list(units)
    with _open() as connection:
        _put(connection, given)
        rows = connection.execute(
            "select parsed.unit, problem, case when problem is null then parsed.factor end,"
            " case when problem is null then base_units end, case when problem is null then function_name end,"
            " known_unit, (select max(ucum_version) from ucum_symbol) from spelt inner join parsed using (unit)"
        ).fetchall()
    found = {row[0]: Unit(*row) for row in rows}
    return [found[unit] for unit in given]


def convert(value: float, from_unit: str, to_unit: str, analyte: str | None = None) -> Conversion:
    """Convert a value between UCUM units.

    Args:
        value: the number in ``from_unit``.
        from_unit, to_unit: UCUM expressions, case-sensitive; what is no UCUM is looked up among known spellings.
        analyte: what was measured, for mass ↔ amount ↔ equivalents and formulas such as NGSP ↔ IFCC: a concept
            (``glucose``), an analyte (``calcium``) or a LOINC code.

    Raises:
        Unconvertible: the conversion is refused; the text says why.
    """
    with _open() as connection:
        substance = _analyte(connection, analyte)
        source, target = _understood(connection, from_unit, to_unit)
        own = _own_formula(connection, substance, source, target)
        if own is not None:
            reached = _fourteen_digits(value * own[0] + own[1])
            return Conversion(value, source, target, reached, *own, analyte, "formula of the analyte")
        problem, is_linear, factor, offset, result, bridge = _general(connection, value, source, target, substance)
        meant = _other_meanings(connection, source, target)
    if factor is not None and offset is not None:
        result = value * factor + offset
    if problem is not None or result is None:
        reason = problem or "no_value"
        text = REFUSALS[reason].format(from_unit=from_unit, to_unit=to_unit, analyte=analyte)
        raise Unconvertible(reason, text + meant)
    basis = "molar mass or valence of the analyte" if bridge != 1 else "UCUM"
    linear = (factor, offset) if is_linear else (None, None)
    return Conversion(value, source, target, _fourteen_digits(result), *linear, analyte, basis)


@dataclass(frozen=True)
class _Substance:
    concept: str | None = None
    analyte: str | None = None
    reference: str | None = None


def _open() -> duckdb.DuckDBPyConnection:
    return with_seeds(
        "units/ucum_symbol",
        "units/unit_alias",
        "units/analyte",
        "units/analyte_code",
        "units/analyte_conversion",
        "concept_code",
        "concept",
    )


def _put(connection: duckdb.DuckDBPyConnection, units: list[str]) -> None:
    """Parse units, with what known spellings of them stand for, into the table ``parsed``."""
    text = macros("ucum")
    connection.execute(
        "create temp table spelt as select given.unit, unit_alias.unit as known_unit"
        " from (select distinct unnest($1::varchar[]) as unit) as given"
        f" left join unit_alias on unit_alias.alias = {text.unit_spelling('given.unit')}",
        [units],
    )
    variants = ", ".join(text.ucum_of_analyte(unit, flag) for unit in ("unit", "known_unit") for flag in (False, True))
    connection.execute(f"create temp table given as select unnest([{variants}]) as unit from spelt")
    connection.execute(f"create temp table parsed as select * from {text.ucum_parsed('given', 'ucum_symbol')} as one")


def _understood(connection: duckdb.DuckDBPyConnection, *units: str) -> list[str]:
    """Each unit itself if it is UCUM, else the unit that a known spelling stands for, else the text as it is."""
    _put(connection, list(units))
    found = dict(
        connection.execute(
            "select spelt.unit, case when problem is null then spelt.unit else coalesce(known_unit, spelt.unit) end"
            " from spelt inner join parsed on parsed.unit = spelt.unit"
        ).fetchall()
    )
    return [str(found[unit]) for unit in units]


def _other_meanings(connection: duckdb.DuckDBPyConnection, *units: str) -> str:
    """What records may mean by units that UCUM reads otherwise, as a remedy: in UCUM the K of K/uL is the kelvin."""
    found = connection.execute(
        "select unit, known_unit from spelt where unit in (select unnest($1::varchar[])) and unit <> known_unit"
        " order by unit",
        [list(units)],
    ).fetchall()
    return "".join(f"; where records mean {known} by {unit}, give {known}" for unit, known in found)


def _fourteen_digits(value: float) -> float:
    """What survives the arithmetic of doubles: 37, not 37.00000000000012."""
    return float(f"{value:.14g}")


def _analyte(connection: duckdb.DuckDBPyConnection, code: str | None) -> _Substance:
    """What a concept, an analyte or a LOINC code stands for.

    Raises:
        Unconvertible: it is none of them.
    """
    if code is None:
        return _Substance()
    row = connection.execute(
        """
        with concepts as (
            select concept from concept_code where code_system = 'loinc' and match = 'exact' and code = $1
            union all select $1
        )
        select first(concept order by concept = $1), first(analyte), first(reference_analyte)
        from concepts left join analyte_code on
            (analyte_code.code_system = 'concept' and analyte_code.code = concepts.concept)
            or (analyte_code.code_system = 'loinc' and analyte_code.code = $1)
        where analyte is not null or concept in (select concept from analyte_conversion)
        """,
        [code],
    ).fetchone()
    if row is not None and row[0] is not None:
        return _Substance(*row)
    if connection.execute("select 1 from analyte where analyte = $1", [code]).fetchone():
        return _Substance(analyte=code)
    known = "select 1 from concept where concept = $1 union all select 1 from concept_code where code = $1"
    if connection.execute(known, [code]).fetchone():
        return _Substance()
    raise Unconvertible(
        "analyte_unknown", f"no analyte, concept or LOINC code {code!r} is on record (transform/seeds/units)"
    )


def _own_formula(
    connection: duckdb.DuckDBPyConnection, substance: _Substance, source: str, target: str
) -> tuple[float, float] | None:
    row = connection.execute(
        f"select factor, value_offset from {macros('ucum').analyte_formulas('analyte_conversion')} as formula"
        " where concept = $1 and from_unit = $2 and to_unit = $3",
        [substance.concept, source, target],
    ).fetchone()
    return None if row is None else (float(row[0]), float(row[1]))


def _general(
    connection: duckdb.DuckDBPyConnection, value: float, source: str, target: str, substance: _Substance
) -> tuple[str | None, bool, float | None, float | None, float | None, float]:
    connection.execute(
        "create temp table pairs as select $1::varchar as from_unit, $2::varchar as to_unit,"
        " $3::varchar as analyte, $4::varchar as reference_analyte",
        [source, target, substance.analyte, substance.reference],
    )
    text = macros("ucum")
    row = connection.execute(
        f"select problem, is_linear, factor, value_offset, bridge from"
        f" {text.ucum_conversions('pairs', 'parsed', 'analyte')} as how"
    ).fetchone()
    assert row is not None
    problem, is_linear, factor, offset, bridge = row
    general = None
    if problem is None and not is_linear:
        general = connection.execute(
            f"select {text.ucum_from_base('number', 't')} from (select {text.ucum_to_base('$1::double', 'f')} * $2"
            " as number from parsed as f where f.unit = $3) inner join parsed as t on t.unit = $4",
            [value, bridge, source, target],
        ).fetchall()[0][0]
    return problem, is_linear, factor, offset, general, bridge
