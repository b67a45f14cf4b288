"""Short ways to write raw rows in tests. Defaults are those of an unremarkable record."""

from __future__ import annotations

from datetime import datetime
from typing import Any

LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
ICD10CM = "http://hl7.org/fhir/sid/icd-10-cm"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
UCUM = "http://unitsofmeasure.org"

Row = dict[str, Any]
_counter = iter(range(1, 10**9))


def _delivery(**given: Any) -> Row:
    return {"record_no": next(_counter), "source": "st_anne", "file_id": "file-1"} | given


def patient(id: str, **given: Any) -> Row:
    """A FHIR patient."""
    return _delivery(id=id, birth_date="1950-01-01", gender="female") | given


def observation(id: str, code: str, value: float | None, unit: str | None, when: str, **given: Any) -> Row:
    """A FHIR observation with one LOINC coding, issued two hours after it was taken."""
    row = _delivery(
        id=id,
        component_no=0,
        coding_no=1,
        patient_id="p1",
        status="final",
        category="laboratory",
        code_system=LOINC,
        code=code,
        value_type="quantity",
        value_num=value,
        unit=unit,
        effective_start=when,
        issued=when,
        last_updated=when,
    )
    return row | given


def condition(id: str, code: str, onset: str, recorded: str, **given: Any) -> Row:
    """A FHIR condition with one ICD-10-CM coding."""
    row = _delivery(
        id=id,
        patient_id="p1",
        clinical_status="active",
        verification_status="confirmed",
        coding_no=1,
        code_system=ICD10CM,
        code=code,
        onset=onset,
        recorded_date=recorded,
        last_updated=recorded,
    )
    return row | given


def medication(id: str, code: str, start: str, end: str, **given: Any) -> Row:
    """A FHIR medication request with one RxNorm coding, known the day it starts."""
    row = _delivery(
        id=id,
        patient_id="p1",
        status="completed",
        intent="order",
        coding_no=1,
        code_system=RXNORM,
        code=code,
        validity_start=start,
        validity_end=end,
        authored_on=start,
        last_updated=start,
    )
    return row | given


def lab(result_id: str, code: str, value: float | None, unit: str | None, collected: datetime, **given: Any) -> Row:
    """A laboratory result of a CSV extract."""
    row = _delivery(
        source="riverside",
        result_id=result_id,
        patient_id="RV-1",
        code_system=LOINC,
        code=code,
        value_num=value,
        value_text=None if value is None else str(value),
        unit=unit,
        collected_at=collected,
        resulted_at=collected,
        status="F",
    )
    return row | given


def person(key: str, id_type: str, family: str, given_name: str, birth_date: Any, **given: Any) -> Row:
    """A row of a patient extract, account list or sample sheet."""
    source = {"mrn": "riverside", "account": "enrolment", "sample": "genome"}[id_type]
    row = _delivery(source=source, person_key=key, id_type=id_type, family=family, given=given_name)
    return row | {"birth_date": birth_date, "sex": "female"} | given
