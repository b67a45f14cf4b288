"""Test cases of quality measures: Bundles with one patient each, and the MeasureReport that says what to expect.

Known forms: a Bundle per file (as MADiE exports them), NDJSON of Bundles, and NDJSON of ``{"case_id", "resource"}``
lines. Cases are small by nature; they are read one by one, in Python.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from ehr.fhir import views
from lake.files import decompressed
from lake.quarantine import BadFile

SUFFIXES = (".json", ".ndjson", ".jsonl", ".json.gz", ".ndjson.gz", ".jsonl.gz")
DESCRIPTION = "http://hl7.org/fhir/us/cqfmeasures/StructureDefinition/cqfm-testCaseDescription"
MAX_BYTES = 1 << 30
MAX_RATIO = 400

Resource = dict[str, Any]


@dataclass(frozen=True)
class Expectation:
    """What a MeasureReport says: counts by population code (``initial-population``, ``numerator``, …)."""

    measure: str
    period_start: date
    populations: dict[str, int]


@dataclass
class Case:
    """One patient's resources."""

    name: str
    file: Path
    resources: list[Resource] = field(default_factory=list)
    expected: list[Expectation] = field(default_factory=list)
    description: str = ""

    @property
    def patient_id(self) -> str:
        """Id of the one Patient."""
        return next(one["id"] for one in self.resources if one["resourceType"] == "Patient")


@dataclass(frozen=True)
class Problem:
    """Something that is no case, with file, position, reason and remedy."""

    file: Path
    position: str
    reason: str


def read_cases(paths: Iterable[Path], scratch: Path) -> tuple[list[Case], list[Problem]]:
    """Read all cases of files and folders; what is no case becomes a problem and stops nothing.

    Args:
        scratch: folder for decompressed files.

    Raises:
        FileNotFoundError: a path does not exist.
    """
    cases: dict[tuple[Path, str], Case] = {}
    problems: list[Problem] = []
    loose: list[tuple[Path, str, Resource]] = []
    for number, path in enumerate(_files(paths)):
        try:
            objects = list(_objects(path, scratch / str(number), problems))
        except BadFile as bad:
            problems.append(Problem(path, "file", f"{bad.reason}: {bad.detail}"))
            continue
        for position, content in objects:
            resource = content.get("resource") if "case_id" in content else content
            kind = resource.get("resourceType") if isinstance(resource, dict) else None
            if not isinstance(resource, dict) or not isinstance(kind, str):
                problems.append(
                    Problem(path, position, "no FHIR resource; a Bundle or {case_id, resource} is expected")
                )
            elif "case_id" in content:
                key = (path, str(content["case_id"]))
                cases.setdefault(key, Case(key[1], path)).resources.append(resource)
            elif kind == "Bundle":
                entries = [entry.get("resource") for entry in resource.get("entry") or [] if isinstance(entry, dict)]
                kept = [one for one in entries if isinstance(one, dict) and isinstance(one.get("resourceType"), str)]
                cases[path, position] = Case(path.name.split(".")[0], path, kept)
            elif kind == "MeasureReport":
                loose.append((path, position, resource))
            else:
                problems.append(Problem(path, position, f"a {kind} outside a Bundle belongs to no case"))
    sound = [case for case in cases.values() if _is_sound(case, problems)]
    for case in sound:
        reports = [one for one in case.resources if one["resourceType"] == "MeasureReport"]
        case.resources = [one for one in case.resources if one["resourceType"] != "MeasureReport"]
        for report in reports:
            _expect(case, report, problems)
        for one in case.resources:
            if _subject(one) not in ("", case.patient_id):
                about = f"{one['resourceType']}/{one.get('id')}"
                problems.append(
                    Problem(case.file, f"case {case.name}", f"{about} is about another patient: not counted")
                )
    _match(sound, loose, problems)
    return sound, problems


def layers(cases: Iterable[Case]) -> list[list[Case]]:
    """Distribute cases so that no two in a layer use one id for two things: every case is a world of its own."""
    filled: list[tuple[set[tuple[str, str]], list[Case]]] = []
    for case in cases:
        ids = {("Patient", key) for one in case.resources if (key := _subject(one))}
        ids |= {
            (one["resourceType"], str(one.get("id"))) for one in case.resources if one["resourceType"] in views.STAGED
        }
        for taken, members in filled:
            if taken.isdisjoint(ids):
                taken.update(ids)
                members.append(case)
                break
        else:
            filled.append((ids, [case]))
    return [members for _, members in filled]


def write_layer(cases: Iterable[Case], target: Path) -> None:
    """Write the resources of cases as NDJSON, unchanged, grouped by type as a bulk export does."""
    by_type: dict[str, list[str]] = {}
    for case in cases:
        for one in case.resources:
            if one["resourceType"] in views.STAGED:
                by_type.setdefault(one["resourceType"], []).append(json.dumps(one, separators=(",", ":")))
    target.mkdir(parents=True, exist_ok=True)
    for resource_type, lines in by_type.items():
        (target / f"{resource_type}.ndjson").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(f"nothing at {path}")
        if path.is_file():
            yield path
        else:
            yield from sorted(one for one in path.rglob("*") if one.is_file() and one.name.endswith(SUFFIXES))


def _objects(path: Path, scratch: Path, problems: list[Problem]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The JSON objects of a file: the whole of it, or one per line."""
    scratch.parent.mkdir(parents=True, exist_ok=True)
    plain = decompressed(path, scratch, MAX_BYTES, MAX_RATIO)
    if plain.stat().st_size > MAX_BYTES:
        raise BadFile("file_too_large", f"more than {MAX_BYTES:,} bytes; test cases are small")
    try:
        text = plain.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadFile("invalid_utf8", f"not UTF-8 at byte {error.start + 1}; convert the file to UTF-8") from None
    try:
        documents = [("document", json.loads(text))]
    except ValueError:
        documents = []
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip():
                try:
                    documents.append((f"line {number}", json.loads(line)))
                except ValueError as error:
                    problems.append(Problem(path, f"line {number}", f"not JSON: {type(error).__name__}"))
    for position, document in documents:
        if isinstance(document, dict):
            yield position, document
        else:
            problems.append(Problem(path, position, "JSON, but no object"))


def _is_sound(case: Case, problems: list[Problem]) -> bool:
    patients = [one for one in case.resources if one["resourceType"] == "Patient" and isinstance(one.get("id"), str)]
    if len(patients) == 1:
        return True
    problems.append(Problem(case.file, f"case {case.name}", f"{len(patients)} patients with an id; a case has one"))
    return False


def _expect(case: Case, report: Resource, problems: list[Problem]) -> None:
    try:
        groups = report["group"]
        populations = {
            population["code"]["coding"][0]["code"]: int(population["count"]) for population in groups[0]["population"]
        }
        measure = str(report["measure"]).split("|")[0].rsplit("/", 1)[-1]
        start = date.fromisoformat(str(report["period"]["start"])[:10])
    except (KeyError, IndexError, TypeError, ValueError):
        problems.append(
            Problem(case.file, f"case {case.name}", "a MeasureReport without measure, period or populations")
        )
        return
    case.expected.append(Expectation(measure, start, populations))
    for extension in [*report.get("extension", []), *report.get("modifierExtension", [])]:
        if extension.get("url") == DESCRIPTION:
            case.description = " ".join(str(extension.get("valueMarkdown", "")).split())


def _subject(resource: Resource) -> str:
    """Id of the Patient that a resource is about; empty if it names none."""
    reference = resource.get("subject") or resource.get("patient") or {}
    found = reference.get("reference", "") if isinstance(reference, dict) else ""
    return found.rsplit("/", 1)[-1].removeprefix("urn:uuid:") if isinstance(found, str) else ""


def _match(cases: list[Case], loose: list[tuple[Path, str, Resource]], problems: list[Problem]) -> None:
    """Give MeasureReports that lie beside Bundles to their case: by patient, else to the only case of the folder."""
    by_patient: dict[str, list[Case]] = {}
    for case in cases:
        by_patient.setdefault(case.patient_id, []).append(case)
    for path, position, report in loose:
        subjects = [report.get("subject", {}).get("reference", "")]
        subjects += [one.get("reference", "") for one in report.get("evaluatedResource", [])]
        subjects += [
            parameter.get("valueString", "")
            for contained in report.get("contained", [])
            for parameter in contained.get("parameter", [])
        ]
        found = [case for subject in subjects for case in by_patient.get(subject.rsplit("/", 1)[-1], [])]
        near = [case for case in cases if case.file.parent == path.parent]
        chosen = [case for case in found if case in near] or found or (near if len(near) == 1 else [])
        if chosen:
            _expect(chosen[0], report, problems)
        else:
            problems.append(Problem(path, position, "a MeasureReport of no case here"))
