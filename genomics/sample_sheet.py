"""Who the samples of a file should be, and where their calls say otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import csv

from genomics.kinship import RELATIONS
from lake.quarantine import BadFile

SAME_GENOME, LEAST_FOR_SAME = RELATIONS[0]
_SEXES = {"male": "male", "m": "male", "1": "male", "female": "female", "f": "female", "2": "female"}


@dataclass(frozen=True)
class Expected:
    """What a sheet says of a sample; None where it says nothing."""

    sex: str | None
    person: str | None


def read_sheet(path: Path) -> dict[str, Expected]:
    """Read a table by tabs or commas: sample, and sex (male, female, m, f, 1, 2) or person or both.

    Raises:
        BadFile: a column is missing, a sample is listed twice, or a sex is none of these.
    """
    with path.open("rb") as file:
        delimiter = "\t" if b"\t" in file.readline() else ","
    try:
        table = csv.read_csv(path, parse_options=csv.ParseOptions(delimiter=delimiter))
    except pa.ArrowInvalid as error:
        raise BadFile("invalid_sheet", f"{path.name}: not a table: {str(error).splitlines()[0][:200]}") from None
    names = {name.lstrip("#").lower(): name for name in table.column_names}
    sample = next((names[one] for one in ("sample", "iid", "sample_id") if one in names), None)
    if sample is None or not {"sex", "person"} & set(names):
        raise BadFile("invalid_sheet", f"{path.name}: expected a column sample, and sex or person or both")
    columns = {what: table[names[what]].to_pylist() if what in names else None for what in ("sex", "person")}
    found: dict[str, Expected] = {}
    for index, name in enumerate(table[sample].to_pylist()):
        sex, person = (None if values is None else values[index] for values in columns.values())
        told = None if sex in (None, "", "unknown", 0) else _SEXES.get(str(sex).strip().lower())
        if told is None and sex not in (None, "", "unknown", 0):
            raise BadFile("invalid_sheet", f"{path.name}: row {index + 1}: sex is male, female or empty")
        if str(name) in found:
            raise BadFile("invalid_sheet", f"{path.name}: row {index + 1}: the sample is listed twice")
        found[str(name)] = Expected(told, None if person in (None, "") else str(person))
    return found


def alarms(
    samples: Sequence[Mapping[str, Any]],
    relatives: Sequence[Mapping[str, Any]],
    sheet: Mapping[str, Expected],
    resolution: float | None,
) -> list[dict[str, str | None]]:
    """Where samples are not who a sheet says.

    Args:
        samples: sample, inferred_sex.
        relatives: pairs as ``kinship.PAIR_SCHEMA``.
        sheet: what is expected, by sample.
        resolution: the least kinship that could be told; None if no pairs were looked at.

    Returns:
        alarm (sex_differs, same_genome_two_people, two_genomes_one_person, not_in_file), sample, other, detail.
    """
    names = {row["sample"] for row in samples}
    found: list[dict[str, str | None]] = [
        {"alarm": "not_in_file", "sample": name, "other": None, "detail": "the sheet lists it, the file does not"}
        for name in sheet
        if name not in names
    ]
    for row in samples:
        expected = sheet.get(row["sample"])
        if expected and expected.sex and row["inferred_sex"] not in ("unknown", expected.sex):
            detail = f"{row['inferred_sex']} by its calls on X, {expected.sex} by the sheet"
            found.append({"alarm": "sex_differs", "sample": row["sample"], "other": None, "detail": detail})
    same = {frozenset((row["first"], row["second"])) for row in relatives if row["relation"] == SAME_GENOME}
    samples_of: dict[str, list[str]] = {}
    for name in sorted(names & sheet.keys()):
        if (person := sheet[name].person) is not None:
            samples_of.setdefault(person, []).append(name)
    person_of = {name: person for person, listed in samples_of.items() for name in listed}
    for one, other in sorted(sorted(pair) for pair in same if pair <= person_of.keys()):
        if person_of[one] != person_of[other]:
            detail = "one genome under two people: a duplicate, a swap, or identical twins"
            found.append({"alarm": "same_genome_two_people", "sample": one, "other": other, "detail": detail})
    if resolution is not None and resolution <= LEAST_FOR_SAME:
        for listed in samples_of.values():
            for one, other in combinations(listed, 2):
                if frozenset((one, other)) not in same:
                    detail = "two genomes under one person: one of them is somebody else's"
                    found.append({"alarm": "two_genomes_one_person", "sample": one, "other": other, "detail": detail})
    return found
