"""OHDSI's data quality checks over an OMOP export: the control files say what is checked and how much may be wrong.

The control files (``OMOP_CDMv5.4_Check_Descriptions``, ``_Table_Level``, ``_Field_Level``, ``_Concept_Level``
``.csv``) come from OHDSI/DataQualityDashboard, inst/csv; definitions after the check index at
https://ohdsi.github.io/DataQualityDashboard/ . A check fails when the share of violating rows is above its threshold
(per cent; none stated: 0). It does not apply where the table is absent or empty, or the field is absent or has no
value, as OHDSI's rules for "not applicable" say.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import duckdb

from ehr.exchange import dqd_sql
from ehr.exchange.cdm import opened
from ehr.exchange.dqd_sql import Measure

PREFIX = "OMOP_CDMv5.4_"
Status = Literal["passed", "failed", "not_applicable"]


class NoControls(FileNotFoundError):
    """The folder with the control files lacks one."""


@dataclass(frozen=True)
class Check:
    """One instantiated check.

    Attributes:
        violated: rows (or people, or source values) that break it.
        of: how many there are.
        threshold: per cent that may be violated.
    """

    name: str
    level: str
    severity: str
    category: str
    table: str
    field: str
    concept: str
    status: Status
    violated: int
    of: int
    threshold: float

    @property
    def percent(self) -> float:
        """Share that is violated, per cent."""
        return 100 * self.violated / self.of if self.of else 0.0


@dataclass(frozen=True)
class Report:
    """All checks of one database."""

    checks: tuple[Check, ...]

    @property
    def fatal(self) -> tuple[Check, ...]:
        """Failed checks whose severity is fatal: the data is no CDM."""
        return tuple(one for one in self.checks if one.status == "failed" and one.severity == "fatal")

    def counts(self) -> dict[str, dict[str, int]]:
        """Severity → status → number of checks."""
        found: Counter[tuple[str, str]] = Counter((one.severity, one.status) for one in self.checks)
        return {
            severity: {status: found[severity, status] for status in ("passed", "failed", "not_applicable")}
            for severity in ("fatal", "convention", "characterization")
        }


def check(folder: Path, controls: Path, threads: int | None = None) -> Report:
    """Run every check of the control files over a folder of CDM tables.

    Raises:
        NoControls: a control file is missing.
        NotACdm: the folder has no table of the CDM.
    """
    kinds = {one["checkName"]: one for one in _rows(controls, "Check_Descriptions")}
    with opened(folder, threads) as connection:
        shape = dqd_sql.Shape.of(connection)
        measures = [
            *dqd_sql.table_level(_rows(controls, "Table_Level"), shape),
            *dqd_sql.field_level(_rows(controls, "Field_Level"), shape),
            *dqd_sql.concept_level(_rows(controls, "Concept_Level"), shape),
        ]
        measures = [one for one in measures if one.check in kinds]
        numbers = list(_run(connection, measures))
    return Report(
        tuple(
            _judged(measure, kinds[measure.check], violated, of)
            for measure, (violated, of) in zip(measures, numbers, strict=True)
        )
    )


def _run(connection: duckdb.DuckDBPyConnection, measures: Iterable[Measure]) -> Iterator[tuple[int, int]]:
    """Violations and denominators, in order; measures that are aggregates of one table share one scan."""
    wanted = list(measures)
    shared: dict[str, list[int]] = {}
    found: dict[int, tuple[int, int]] = {}
    for number, measure in enumerate(wanted):
        if measure.applies and measure.aggregate:
            shared.setdefault(measure.table, []).append(number)
        elif measure.applies:
            row = connection.execute(measure.query).fetchall()[0]
            found[number] = (int(row[0] or 0), int(row[1] or 0))
        else:
            found[number] = (0, 0)
    for table, numbers in shared.items():
        terms = ", ".join(term for number in numbers for term in wanted[number].aggregate)
        row = connection.execute(f"select {terms} from {table}").fetchall()[0]
        for place, number in enumerate(numbers):
            found[number] = (int(row[2 * place] or 0), int(row[2 * place + 1] or 0))
    for number in range(len(wanted)):
        yield found[number]


def _judged(measure: Measure, kind: dict[str, str], violated: int, of: int) -> Check:
    if not measure.applies or (of == 0 and not measure.structural):
        status: Status = "not_applicable"
    elif measure.structural:
        status = "failed" if violated else "passed"
    else:
        status = "failed" if 100 * violated / of > measure.threshold else "passed"
    return Check(
        name=measure.check,
        level=kind["checkLevel"],
        severity=kind["severity"],
        category=kind["kahnCategory"],
        table=measure.table,
        field=measure.field,
        concept=measure.concept,
        status=status,
        violated=violated,
        of=of,
        threshold=measure.threshold,
    )


def _rows(controls: Path, name: str) -> list[dict[str, str]]:
    path = controls / f"{PREFIX}{name}.csv"
    if not path.exists():
        raise NoControls(f"{path.name} is not in {controls}; get it from OHDSI/DataQualityDashboard, inst/csv")
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))
