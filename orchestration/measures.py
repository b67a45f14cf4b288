"""Quality measures over test cases: the real way of the data, from FHIR files through dbt, in a home of its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from ehr.fhir.cases import Case, Expectation, Problem, layers, read_cases, write_layer
from lake.ingest import ingest
from lake.landing import pending
from lake.settings import PROJECT_DIR, Settings
from lake.warehouse import writing
from orchestration import dbt, rooms

POPULATIONS = (
    "initial-population",
    "denominator",
    "denominator-exclusion",
    "denominator-exception",
    "numerator",
)
"""Populations of a proportion measure, by their code in FHIR."""

SELECTION = (
    *("--select", "+measure_result", "--exclude-resource-type", "test"),
    *("--vars", "{link_people: false, comments: false}"),
)
"""Test cases share names and record numbers: here every case stays a person of its own. Nobody opens the home later."""


TERMINOLOGY = "terminology"
VALUE_SET = "value_set_code"
"""Source and raw table of value sets."""


class NothingToMeasure(ValueError):
    """There are no cases, or no value sets."""


@dataclass(frozen=True)
class Measured:
    """One case under one measure: how often it counts in each population, and what was expected, if anything."""

    measure: str
    case: str
    description: str
    period_start: date
    populations: dict[str, int]
    expected: dict[str, int] | None
    unknown_codes: tuple[str, ...] = ()

    @property
    def differing(self) -> dict[str, tuple[int, int]]:
        """Populations with another count than expected: (measured, expected)."""
        return {
            name: (self.populations[name], wanted)
            for name, wanted in (self.expected or {}).items()
            if name in self.populations and self.populations[name] != wanted
        }

    @property
    def agrees(self) -> bool | None:
        """None: nothing was expected."""
        return None if self.expected is None else not self.differing


@dataclass(frozen=True)
class Outcome:
    """Results of all cases, and what could not be read."""

    results: list[Measured]
    problems: list[Problem] = field(default_factory=list)


def names() -> dict[str, str]:
    """Short name → name of the FHIR Measure, as the seed says."""
    import csv

    with (PROJECT_DIR / "transform" / "seeds" / "quality" / "quality_measure.csv").open(encoding="utf-8") as file:
        return {row["measure"]: row["name"] for row in csv.DictReader(file)}


def resolve(name: str) -> str:
    """The short name of a measure that is given by short name, CMS number or FHIR name.

    Raises:
        KeyError: there is no such measure.
    """
    wanted = name.lower()
    for short, full in names().items():
        if wanted in (short, full.lower(), short.removeprefix("cms")):
            return short
    raise KeyError(name)


def value_sets_beside(paths: Iterable[Path]) -> list[Path]:
    """Files of value sets that lie beside the cases: ``valuesets*`` or ``value_sets*``."""
    folders = dict.fromkeys(path if path.is_dir() else path.parent for path in paths)
    return sorted(
        one for folder in folders for pattern in ("valuesets*", "value_sets*") for one in folder.glob(pattern)
    )


def run(
    measures: Sequence[str], paths: Sequence[Path], value_sets: Sequence[Path], home: Path | None = None
) -> Outcome:
    """Compute measures for test cases.

    Args:
        measures: short names; a case whose MeasureReports name other measures is not judged by these.
        paths: files and folders of cases (see ``ehr.fhir.cases``).
        value_sets: CSV files with ``valueset_url`` (or ``oid``), ``system`` and ``code``, perhaps compressed.
        home: an empty folder to work in and to keep; default a temporary one.

    Returns:
        One result per case and measure, in the order of the cases.

    Raises:
        FileNotFoundError: a path does not exist.
        NothingToMeasure: no case, or no value set.
        RuntimeError: the models could not be built.
    """
    with TemporaryDirectory(prefix="twin-measure-") as scratch:
        folder = home or Path(scratch) / "home"
        cases, problems = read_cases(paths, Path(scratch) / "plain")
        if not cases:
            raise NothingToMeasure("no test case found: a case is a Bundle with one Patient")
        if not value_sets:
            raise NothingToMeasure("no value sets: give their CSV with --value-sets, or lay it beside the cases")
        settings = Settings(home=folder)
        sources = _land(settings, cases, value_sets)
        problems += _ingest(settings, folder)
        dbt.build_or_fail(settings, SELECTION)
        return Outcome(_results(settings, measures, sources), problems)


def _land(settings: Settings, cases: Sequence[Case], value_sets: Sequence[Path]) -> dict[str, list[Case]]:
    sources = {f"cases_{number:03}": members for number, members in enumerate(layers(cases), 1)}
    for source, members in sources.items():
        write_layer(members, settings.landing / source)
    for number, path in enumerate(value_sets, 1):
        target = settings.landing / TERMINOLOGY / f"value_sets_{number}{''.join(path.suffixes[-2:])}"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    return sources


def _ingest(settings: Settings, folder: Path) -> list[Problem]:
    rooms.ensure_typed_files(settings)
    entries = ingest(settings, rooms.readers_of("ehr"), {}, pending(settings))
    if not any(VALUE_SET in one.rows for one in entries):
        reasons = "; ".join(
            f"{one.reason}: {one.detail}" for one in entries if one.source == TERMINOLOGY and one.status == "rejected"
        )
        expected = "CSV with valueset_url (or oid), system and code is expected"
        raise NothingToMeasure(f"no value set in the files given: {expected} {reasons}".strip())
    return [
        Problem(Path(one.path), "file", f"{one.reason}: {one.detail}")
        if one.status == "rejected"
        else Problem(Path(one.path), f"{one.records_rejected} records", "rejected by the reader")
        for one in entries
        if one.status == "rejected" or one.records_rejected
    ]


def _results(settings: Settings, measures: Sequence[str], sources: dict[str, list[Case]]) -> list[Measured]:
    with writing(settings) as connection:
        people = {
            (source, key): person
            for source, key, person in connection.execute(
                "select source_system, source_person_key, person_id from core.twin_person_link where id_type = 'mrn'"
            ).fetchall()
        }
        rows = connection.execute(
            "select measure, person_id, period_start, initial_population, denominator, denominator_exclusion,"
            " denominator_exception, numerator from marts_quality.measure_result"
        ).fetchall()
        unknown = dict(
            connection.execute(
                "select person_id, list(distinct code_system || ' ' || code order by code_system || ' ' || code)"
                " from core.twin_fact where domain = 'encounter' and code is not null"
                " and fact_key not in (select fact_key from intermediate.int_quality__fact) group by person_id"
            ).fetchall()
        )
    found = {(row[0], row[1], row[2]): dict(zip(POPULATIONS, row[3:], strict=True)) for row in rows}
    latest: dict[tuple[str, str], date] = {}
    for measure, person, start in found:
        latest[measure, person] = max(start, latest.get((measure, person), start))
    full = names()
    results = []
    for source, members in sources.items():
        for case in members:
            person = people.get((source, case.patient_id), "")
            for measure in measures:
                expected = _expected(case, measure, full[measure])
                if expected is None and case.expected:
                    continue  # the case is of another measure
                start = expected.period_start if expected else latest.get((measure, person), date.min)
                results.append(
                    Measured(
                        measure,
                        case.name,
                        case.description,
                        start,
                        found.get((measure, person, start), dict.fromkeys(POPULATIONS, 0)),
                        expected.populations if expected else None,
                        tuple(unknown.get(person, ())),
                    )
                )
    order = {measure: number for number, measure in enumerate(measures)}
    return sorted(results, key=lambda one: order[one.measure])


def _expected(case: Case, measure: str, full: str) -> Expectation | None:
    return next((one for one in case.expected if one.measure.lower() in (measure, full.lower())), None)
