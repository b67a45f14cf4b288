"""Patients of hospital A: one resource per medical record number, with duplicates, a merge and late changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from synthetic.care import FOLLOW_UP, Visits
from synthetic.chunks import Chunk
from synthetic.clock import days, iso_local
from synthetic.codes import MRN_SYSTEM
from synthetic.fhir_export import DELTA, Export, file_name, instant
from synthetic.randomness import hex_ids
from synthetic.typing_errors import slip

DUPLICATE_SHARE, MERGED_SHARE = 0.015, 0.01
_MARITAL = "http://terminology.hl7.org/CodeSystem/v3-MaritalStatus"


@dataclass
class Patients:
    """Patient id of each person, and a second id of those who have two."""

    id: list[str]
    second: dict[int, str]
    merged: set[int]

    def of_visits(self, visits: Visits) -> list[str]:
        """Which Patient each visit was booked on: duplicates get follow-ups, merged records the years before 2017."""
        result = []
        early = visits.when < np.datetime64("2017-01-01")
        for person, kind, old in zip(visits.person.tolist(), visits.kind.tolist(), early.tolist(), strict=True):
            other = self.second.get(person)
            if other is not None and (old if person in self.merged else kind == FOLLOW_UP):
                result.append(other)
            else:
                result.append(self.id[person])
        return result


def draw(chunk: Chunk) -> Patients:
    """Give ids; choose who was registered twice."""
    rng = chunk.rng("fhir patients")
    n = len(chunk.people)
    ids = hex_ids(rng, 2 * n)
    luck = rng.random(n)
    twice = (luck < DUPLICATE_SHARE + MERGED_SHARE) & chunk.people.in_a
    return Patients(
        ids[:n],
        {int(i): ids[n + i] for i in np.flatnonzero(twice)},
        {int(i) for i in np.flatnonzero(twice & (luck < MERGED_SHARE))},
    )


def write(chunk: Chunk, export: Export, patients: Patients) -> None:
    """Add every Patient, the duplicates, the merged records, and the updates that came later."""
    rng, people, dirt = chunk.rng("fhir patient details"), chunk.people, chunk.dirt
    n = len(people)
    registered = people.enrolled.astype("datetime64[m]") + np.timedelta64(420, "m")
    death = chunk.history.death + np.timedelta64(0, "D")
    recorded = np.where(
        np.isnat(death), registered, death.astype("datetime64[m]") + np.timedelta64(3 * 1440 + 600, "m")
    )
    cap = np.datetime64("2026-06-30T20:00", "m")
    recorded = np.minimum(recorded, cap)
    known, died = (
        instant(recorded),
        iso_local(np.where(np.isnat(death), people.enrolled, death).astype("datetime64[m]") + 700),
    )
    born, entry = days(people.birth), instant(registered)
    luck = rng.random((n, 6))
    file = file_name("st_anne", "Patient", chunk.index)
    for i in np.flatnonzero(people.in_a).tolist():
        person = people.key(i)
        resource = _resource(chunk, i, patients.id[i], luck[i], born[i])
        if not np.isnat(death[i]):
            resource["deceasedDateTime"] = died[i]
        chunk.identity.append(("st_anne", patients.id[i], person))
        _add(export, resource, known[i], recorded[i])
        if i in patients.second:
            other = patients.second[i]
            extra = _resource(chunk, i, other, luck[i], born[i])
            extra["identifier"] = [_identifier("MR", "Medical Record Number", MRN_SYSTEM, f"SA9{people.mrn_a[i][3:]}")]
            if i in patients.merged:
                extra["active"] = False
                extra["link"] = [{"other": {"reference": f"Patient/{patients.id[i]}"}, "type": "replaced-by"}]
                dirt.add("merged_record", file, other, person, "linked", replaced_by=patients.id[i])
            else:
                extra["name"][0]["family"] = slip(people.family[i], rng)
                dirt.add("duplicate_patient", file, other, person, "linked", same_as=patients.id[i])
            chunk.identity.append(("st_anne", other, person))
            _add(export, extra, entry[i], registered[i])
        if people.moved[i] and np.isnat(death[i]):
            resource["address"][0]["line"] = [people.new_street[i]]
            stamp = np.datetime64("2026-05-04T09:00", "m") + np.timedelta64(i * 13, "m")
            _add(export, resource, instant(np.array([stamp]))[0], stamp)
            moved = file_name(f"st_anne/{DELTA}", "Patient", chunk.index)
            dirt.add("address_change", moved, patients.id[i], person, "superseded", field="address_line")


def _add(export: Export, resource: dict[str, object], updated: str, recorded: np.datetime64) -> None:
    line = orjson.dumps(resource | {"meta": {"lastUpdated": updated}}).decode()
    export.add("Patient", [line], np.array([recorded]))


def _identifier(code: str, text: str, system: str, value: str) -> dict[str, object]:
    coding = [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": code, "display": text}]
    return {"type": {"coding": coding, "text": text}, "system": system, "value": value}


def _resource(chunk: Chunk, i: int, patient: str, luck: np.ndarray, born: str | None) -> dict[str, Any]:
    people = chunk.people
    identifiers = [_identifier("MR", "Medical Record Number", MRN_SYSTEM, people.mrn_a[i])]
    if luck[0] < 0.7:
        identifiers.append(_identifier("SS", "Social Security Number", "http://hl7.org/fhir/sid/us-ssn", people.ssn[i]))
    phone = people.phone[i]
    telecom = [{"system": "phone", "value": f"({phone[:3]}) {phone[3:6]}-{phone[6:]}", "use": "home"}]
    if luck[1] < 0.85:
        telecom.append({"system": "email", "value": people.email[i]})
    status = ("S", "Never Married") if luck[2] < 0.25 else ("M", "Married")
    return {
        "resourceType": "Patient",
        "id": patient,
        "identifier": identifiers,
        "active": True,
        "name": [{"use": "official", "family": people.family[i], "given": [people.given[i]]}],
        "telecom": telecom if luck[3] < 0.93 else telecom[1:],
        "gender": "male" if people.male[i] else "female",
        "birthDate": born,
        "address": [
            {"use": "home", "line": [people.street[i]], "city": people.city[i], "state": "NY",
             "postalCode": people.postal[i], "country": "US"}
        ],
        "maritalStatus": {
            "coding": [{"system": _MARITAL, "code": status[0], "display": status[1]}]
        },
        "communication": [{"language": {"coding": [{"system": "urn:ietf:bcp:47", "code": "en-US"}]}}],
    }  # fmt: skip
