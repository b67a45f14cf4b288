"""The kinds of data quality checks as SQL over CDM tables: each control row becomes violations and a denominator."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import duckdb

from lake.sql import literal

Row = dict[str, str]

_INTEGER_TYPES = frozenset({"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UINTEGER", "UBIGINT"})


@dataclass(frozen=True)
class Measure:
    """One check on one table, field or concept.

    Attributes:
        query: yields (violated, denominator); used where ``aggregate`` is empty.
        aggregate: the two terms, where the check needs one scan of its own table only.
        structural: about what is there at all: fails on any violation, whatever the denominator.
        applies: False if the table or field that it is about is absent or empty.
    """

    check: str
    table: str
    field: str = ""
    concept: str = ""
    threshold: float = 0.0
    query: str = ""
    aggregate: tuple[str, ...] = ()
    structural: bool = False
    applies: bool = True


@dataclass(frozen=True)
class Shape:
    """What a database has: rows per table, type per column, values per column."""

    rows: dict[str, int]
    types: dict[tuple[str, str], str]
    values: dict[tuple[str, str], int]

    @classmethod
    def of(cls, connection: duckdb.DuckDBPyConnection) -> Shape:
        """Look at the tables of the schema main; one scan per table."""
        types = {
            (table, column): kind
            for table, column, kind in connection.execute(
                "select table_name, column_name, data_type from duckdb_columns() where schema_name = 'main'"
                " and not internal order by table_name, column_index"
            ).fetchall()
        }
        rows: dict[str, int] = {}
        values: dict[tuple[str, str], int] = {}
        for table in sorted({name for name, _ in types}):
            columns = [column for name, column in types if name == table]
            counts = ", ".join(f'count("{column}")' for column in columns)
            found = connection.execute(f"select count(*), {counts} from {table}").fetchall()[0]
            rows[table] = int(found[0])
            values |= {(table, column): int(number) for column, number in zip(columns, found[1:], strict=True)}
        return cls(rows, types, values)

    def has(self, table: str, *fields: str) -> bool:
        """The table has rows, and every field has a value somewhere."""
        return self.rows.get(table, 0) > 0 and all(self.values.get((table, field), 0) > 0 for field in fields)

    def has_columns(self, table: str, *fields: str) -> bool:
        """The table has rows, and the columns are there."""
        return self.rows.get(table, 0) > 0 and all((table, field) in self.types for field in fields)


def _threshold(row: Row, check: str) -> float:
    text = (row.get(f"{check}Threshold") or "").strip()
    return float(text) if text else 0.0


def _yes(row: Row, column: str) -> bool:
    return (row.get(column) or "").strip().lower() == "yes"


def table_level(rows: Iterable[Row], shape: Shape) -> Iterator[Measure]:
    """Is the table there; do people have records in it; do observation periods overlap; are eras built."""
    for row in rows:
        table = row["cdmTableName"].strip().lower()
        absent = int(table not in shape.rows)
        yield Measure("cdmTable", table, query=f"select {absent}, 1", structural=True)
        if _yes(row, "measurePersonCompleteness"):
            name = "measurePersonCompleteness"
            yield Measure(
                name,
                table,
                threshold=_threshold(row, name),
                query=f"select count(*) filter (person_id not in (select person_id from {table})), count(*)"
                " from person",
                applies=shape.has_columns(table, "person_id") and shape.has("person"),
            )
        if _yes(row, "measureConditionEraCompleteness"):
            name = "measureConditionEraCompleteness"
            # a condition that no standard concept stands for has no era
            yield Measure(
                name,
                table,
                threshold=_threshold(row, name),
                query="select count(*) filter (person_id not in (select person_id from condition_era)), count(*) from"
                " (select distinct person_id from condition_occurrence where condition_concept_id <> 0)",
                applies=shape.has("condition_occurrence") and "condition_era" in shape.rows,
            )
        if _yes(row, "measureObservationPeriodOverlap"):
            name = "measureObservationPeriodOverlap"
            yield Measure(
                name,
                table,
                threshold=_threshold(row, name),
                query="select count(distinct person_id) filter (start_date <= previous_end + 1), count(distinct"
                " person_id) from (select person_id, observation_period_start_date as start_date,"
                " max(observation_period_end_date) over (partition by person_id order by"
                " observation_period_start_date, observation_period_id rows between unbounded preceding and 1"
                " preceding) as previous_end from observation_period)",
                applies=shape.has("observation_period"),
            )


def field_level(rows: Iterable[Row], shape: Shape) -> Iterator[Measure]:
    """Every check on a column."""
    for row in rows:
        table, field = row["cdmTableName"].strip().lower(), row["cdmFieldName"].strip().strip('"').lower()
        missing = int((table, field) not in shape.types)
        yield Measure(
            "cdmField", table, field, query=f"select {missing}, 1", structural=True, applies=table in shape.rows
        )
        yield from _conformance(row, table, field, shape)
        yield from _completeness(row, table, field, shape)
        yield from _plausibility(row, table, field, shape)


def _conformance(row: Row, table: str, field: str, shape: Shape) -> Iterator[Measure]:
    column = f'"{field}"'
    there = shape.has_columns(table, field)
    filled = shape.has(table, field)

    def measure(check: str, violated: str, of: str = "count(*)", applies: bool = there) -> Measure:
        return Measure(check, table, field, threshold=_threshold(row, check), aggregate=(violated, of), applies=applies)

    if _yes(row, "isRequired"):
        yield measure("isRequired", f"count(*) - count({column})")
    if (row.get("cdmDatatype") or "").strip() == "integer":
        is_integer = shape.types.get((table, field)) in _INTEGER_TYPES
        bad = (
            "0" if is_integer else f"count({column}) filter (try_cast({column} as bigint) is null or {column} % 1 <> 0)"
        )
        if shape.types.get((table, field)) == "VARCHAR":
            bad = f"count({column}) filter (not regexp_full_match({column}, '-?[0-9]+'))"
        yield measure("cdmDatatype", bad, applies=filled)
    if _yes(row, "isPrimaryKey"):
        yield measure("isPrimaryKey", f"count({column}) - count(distinct {column})")
    if not _yes(row, "isForeignKey"):
        return
    parent, key = (row.get("fkTableName") or "").strip().lower(), (row.get("fkFieldName") or "").strip().lower()

    def joined(check: str, condition: str) -> Measure:
        return Measure(
            check,
            table,
            field,
            threshold=_threshold(row, check),
            query=f"select count(*) filter ({condition}), count(*) from {table} as child"
            f" left join {parent} as parent on parent.{key} = child.{column}",
            applies=filled and (parent, key) in shape.types,
        )

    yield joined("isForeignKey", f"child.{column} is not null and parent.{key} is null")
    domain, concept_class = (row.get("fkDomain") or "").strip(), (row.get("fkClass") or "").strip()
    if domain:
        yield joined("fkDomain", f"child.{column} <> 0 and parent.domain_id <> {literal(domain)}")
    if concept_class:
        yield joined("fkClass", f"child.{column} <> 0 and parent.concept_class_id <> {literal(concept_class)}")
    if _yes(row, "isStandardValidConcept"):
        yield joined(
            "isStandardValidConcept",
            f"child.{column} <> 0 and (parent.standard_concept is distinct from 'S'"
            " or coalesce(parent.invalid_reason, '') <> '')",
        )


def _completeness(row: Row, table: str, field: str, shape: Shape) -> Iterator[Measure]:
    column = f'"{field}"'
    there = shape.has_columns(table, field)

    def measure(check: str, violated: str, of: str = "count(*)", applies: bool = there) -> Measure:
        return Measure(check, table, field, threshold=_threshold(row, check), aggregate=(violated, of), applies=applies)

    if _yes(row, "measureValueCompleteness"):
        yield measure("measureValueCompleteness", f"count(*) - count({column})")
    if _yes(row, "standardConceptRecordCompleteness"):
        # a unit is asked for only where there is a number
        numbered = field == "unit_concept_id" and shape.has_columns(table, "value_as_number")
        among = " filter (value_as_number is not null)" if numbered else ""
        zero = f"count(*) filter ({column} = 0{' and value_as_number is not null' if numbered else ''})"
        yield measure("standardConceptRecordCompleteness", zero, f"count(*){among}", shape.has(table, field))
    if _yes(row, "sourceConceptRecordCompleteness"):
        zero = f"count(*) filter ({column} = 0)"
        yield measure("sourceConceptRecordCompleteness", zero, applies=shape.has(table, field))
    if _yes(row, "sourceValueCompleteness"):
        standard = (row.get("standardConceptFieldName") or "").strip().lower()
        yield measure(
            "sourceValueCompleteness",
            f'count(distinct {column}) filter ("{standard}" = 0)',
            f"count(distinct {column})",
            shape.has(table, field) and (table, standard) in shape.types,
        )


def _plausibility(row: Row, table: str, field: str, shape: Shape) -> Iterator[Measure]:
    column = f'"{field}"'
    filled = shape.has(table, field)
    for check, sign in (("plausibleValueLow", "<"), ("plausibleValueHigh", ">")):
        text = (row.get(check) or "").strip()
        if text:
            limit = _limit(text, shape.types.get((table, field), ""))
            yield Measure(
                check,
                table,
                field,
                threshold=_threshold(row, check),
                aggregate=(f"count(*) filter ({column} {sign} {limit})", f"count({column})"),
                applies=filled,
            )
    if _yes(row, "plausibleStartBeforeEnd"):
        end = (row.get("plausibleStartBeforeEndFieldName") or "").strip().lower()
        yield Measure(
            "plausibleStartBeforeEnd",
            table,
            field,
            threshold=_threshold(row, "plausibleStartBeforeEnd"),
            aggregate=(
                f'count(*) filter (cast({column} as date) > cast("{end}" as date))',
                f'count(*) filter ({column} is not null and "{end}" is not null)',
            ),
            applies=filled and shape.has(table, end),
        )
    date = f"cast(rows.{column} as date)"
    birth = (
        "cast(coalesce(people.birth_datetime, make_timestamp(people.year_of_birth,"
        " coalesce(people.month_of_birth, 1), coalesce(people.day_of_birth, 1), 0, 0, 0)) as date)"
    )
    people = "inner join person as people on people.person_id = rows.person_id"
    deaths = "inner join death as deaths on deaths.person_id = rows.person_id"
    linked = shape.has_columns(table, "person_id")
    if _yes(row, "plausibleTemporalAfter"):
        other = (row.get("plausibleTemporalAfterTableName") or "").strip().lower()
        after = (row.get("plausibleTemporalAfterFieldName") or "").strip().lower()
        same = other == table
        bound = birth if other == "person" and not same else f'cast({"rows" if same else "others"}."{after}" as date)'
        join = "" if same else people if other == "person" else f"inner join {other} as others using (person_id)"
        yield _dated(
            row, "plausibleTemporalAfter", table, field, f"{date} < {bound}", join, filled and (same or linked)
        )
    if _yes(row, "plausibleAfterBirth"):
        yield _dated(row, "plausibleAfterBirth", table, field, f"{date} < {birth}", people, filled and linked)
    with_deaths = filled and linked and shape.has("death")
    for check in ("plausibleDuringLife", "plausibleBeforeDeath"):
        if _yes(row, check):
            yield _dated(
                row, check, table, field, f"{date} > cast(deaths.death_date as date) + 60", deaths, with_deaths
            )
    if _yes(row, "withinVisitDates"):
        visits = "inner join visit_occurrence as visits on visits.visit_occurrence_id = rows.visit_occurrence_id"
        outside = (
            f"{date} < cast(visits.visit_start_date as date) - 7 or {date} > cast(visits.visit_end_date as date) + 7"
        )
        applies = filled and shape.has(table, "visit_occurrence_id") and shape.has("visit_occurrence")
        yield _dated(row, "withinVisitDates", table, field, outside, visits, applies)


def _dated(row: Row, check: str, table: str, field: str, condition: str, join: str, applies: bool) -> Measure:
    return Measure(
        check,
        table,
        field,
        threshold=_threshold(row, check),
        query=f"select count(*) filter ({condition}), count(*) from {table} as rows {join}"
        f' where rows."{field}" is not null',
        applies=applies,
    )


def concept_level(rows: Iterable[Row], shape: Shape) -> Iterator[Measure]:
    """Concepts that only one sex can have, and units that a measurement can have."""
    sexes = {"male": 8507, "female": 8532}
    for row in rows:
        table, field = row["cdmTableName"].strip().lower(), row["cdmFieldName"].strip().lower()
        ids = ", ".join(re.findall(r"-?\d+", row["conceptId"]))
        for check, chosen in (
            ("plausibleGender", f'rows."{field}" in ({ids})'),
            (
                "plausibleGenderUseDescendants",
                f'rows."{field}" in (select descendant_concept_id from concept_ancestor'
                f" where ancestor_concept_id in ({ids}))",
            ),
        ):
            sex = sexes.get((row.get(check) or "").strip().lower())
            if sex is None:
                continue
            ancestors = check == "plausibleGender" or shape.has("concept_ancestor")
            yield Measure(
                check,
                table,
                field,
                row["conceptId"].strip(),
                _threshold(row, check),
                query=f"select count(*) filter (people.gender_concept_id <> {sex}), count(*) from {table} as rows"
                f" inner join person as people on people.person_id = rows.person_id where {chosen}",
                applies=shape.has(table, field) and ancestors,
            )
        if (row.get("plausibleUnitConceptIdsThreshold") or "").strip():
            units = ", ".join(re.findall(r"-?\d+", row.get("plausibleUnitConceptIds") or "")) or "-1"
            # -1 in the list: no unit is fine too
            unit = "coalesce(unit_concept_id, -1)" if re.search(r"-1\b", units) else "unit_concept_id"
            yield Measure(
                "plausibleUnitConceptIds",
                table,
                field,
                row["conceptId"].strip(),
                _threshold(row, "plausibleUnitConceptIds"),
                query=f"select count(*) filter (coalesce({unit} not in ({units}), true)), count(*) from {table}"
                f' where "{field}" in ({ids}) and value_as_number is not null',
                applies=shape.has(table, field) and shape.has_columns(table, "unit_concept_id", "value_as_number"),
            )


def _limit(text: str, kind: str) -> str:
    """A limit of the control files, which are written for SQL Server, as DuckDB has it."""
    upper = text.upper()
    if "DATEADD" in upper:
        return "current_timestamp::timestamp + interval 1 day" if kind.startswith("TIMESTAMP") else "current_date + 1"
    if "YEAR(GETDATE())" in upper:
        return "extract(year from current_date) + 1"
    if quoted := re.fullmatch(r"'(\d{4})(\d{2})(\d{2})'", text):
        return f"date '{'-'.join(quoted.groups())}'"
    return str(float(text))
