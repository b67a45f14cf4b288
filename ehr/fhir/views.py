"""The shipped views: which resource type fills which raw table."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from ehr.fhir.compile import Plan, plan_view
from lake.sql import literal

FOLDER = Path(__file__).with_name("views")
STAGED = {
    "Patient": "fhir_patient",
    "Encounter": "fhir_encounter",
    "Condition": "fhir_condition",
    "Observation": "fhir_observation",
    "MedicationRequest": "fhir_medication_request",
    "Medication": "fhir_medication",
    "ServiceRequest": "fhir_service_request",
    "DeviceRequest": "fhir_device_request",
    "Procedure": "fhir_procedure",
    "Immunization": "fhir_immunization",
    "AllergyIntolerance": "fhir_allergy_intolerance",
    "DiagnosticReport": "fhir_diagnostic_report",
    "FamilyMemberHistory": "fhir_family_member_history",
    "Device": "fhir_device",
    "ImagingStudy": "fhir_imaging_study",
    "Bundle": "fhir_deleted",
}
"""Resource type → raw table and view. A Bundle itself only reports deletions; its resources are staged one by one."""

LITERAL = r'"valueQuantity"\s*:\s*\{[^{}]*?"value"\s*:\s*(-?[0-9][0-9.eE+-]*)'
"""The numbers of ``valueQuantity`` as written: JSON readers lose ``0.010``, FHIR says the precision is significant."""


NOTHING: frozenset[str] = frozenset()


@lru_cache(256)
def plan(resource: str, absent: frozenset[str] = NOTHING) -> Plan:
    """The compiled view of a resource type, with the record number carried along.

    ``absent``: elements that the source is believed not to hold (``ehr.fhir.compile.plan_view``).
    """
    carry = ("record_no", "literals") if has_literals(resource, absent) else ("record_no",)
    return plan_view(FOLDER / f"{STAGED[resource]}.json", carry, absent)


def has_literals(resource: str, absent: frozenset[str] = NOTHING) -> bool:
    """Whether numbers are staged as they are written, which takes the text of the resource."""
    return resource == "Observation" and "valueQuantity" not in absent


def rows(resource: str, source: str, absent: frozenset[str] = NOTHING) -> str:
    """SQL with the raw table's columns. ``source`` has the plan's columns, ``record_no`` and ``literals`` if needed."""
    sql = plan(resource, absent).sql(source)
    if resource == "Observation":
        if not has_literals(resource, absent):
            return f"select *, null::varchar as value_literal from ({sql})"
        return f"select * exclude (literals), {_literal('literals', 'value_num')} as value_literal from ({sql})"
    if resource == "Bundle":
        typed = "split_part(split_part(url, '?', 1), '/', -2) as resource_type, split_part(url, '/', -1) as id"
        return f"select record_no, {typed}, deleted_at from ({sql})"
    return sql


def literals(line: str) -> str:
    """SQL: the ``valueQuantity`` numbers of a JSON text as they are written, with ``|`` between them.

    One text: a list would be copied with every row of the resource.
    """
    return f"array_to_string(regexp_extract_all({line}, {literal(LITERAL)}, 1), '|')"


def _literal(joined: str, number: str) -> str:
    """The literal that equals the number; NULL when two that differ in precision do (nothing is guessed)."""
    each = f"string_split({joined}, '|')"
    equal = f"list_distinct(list_filter({each}, lambda one: try_cast(one as double) = {number}))"
    return (
        f"case when {number} is null or {joined} = '' then null"
        f" when not contains({joined}, '|') then case when try_cast({joined} as double) = {number} then {joined} end"
        f" when len({equal}) = 1 then {equal}[1] end"
    )
