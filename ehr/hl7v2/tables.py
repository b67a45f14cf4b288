"""The raw tables of HL7 v2. Values are text as written; times are HL7 times, read in staging."""

from __future__ import annotations

import pyarrow as pa

from ehr.hl7v2.mapping import mapped_tables
from lake.tables import Table, table

MESSAGE = ("control_id", "message_code", "trigger_event", "message_time")
"""Of the message header: on every row but the header's own."""

_PATIENT = (*MESSAGE, "patient_id")
_VISIT = (*_PATIENT, "visit_key")
_DRUG = (
    *_VISIT,
    "order_control",
    "placer_number",
    "filler_number",
    "ordered_at",
    "timing_start",
    "timing_end",
    "route",
)

CONTEXT: dict[str, tuple[str, ...]] = {
    "hl7v2_message": (),
    "hl7v2_person": (*_PATIENT, "mrn", "mrn_authority", "national_id"),
    "hl7v2_person_identifier": _PATIENT,
    "hl7v2_merge": (*_PATIENT, "prior_patient_id"),
    "hl7v2_visit": (*_VISIT, "event_at", "event_recorded_at"),
    "hl7v2_order": _VISIT,
    "hl7v2_report": (*_VISIT, "order_control"),
    "hl7v2_document": _VISIT,
    "hl7v2_observation": (
        *_VISIT,
        "order_placer_number",
        "order_filler_number",
        "order_code",
        "order_section",
        "order_observed_at",
        "order_reported_at",
        "occurrence_no",
    ),
    "hl7v2_condition": _VISIT,
    "hl7v2_procedure": _VISIT,
    "hl7v2_allergy": _VISIT,
    "hl7v2_immunization": _DRUG,
    "hl7v2_medication": _DRUG,
    "hl7v2_appointment": (*_VISIT, "timing_start", "timing_end", "resource_start"),
}
"""What a row takes from the segments around it: patient, visit, order, timing."""

VALUE = table(
    "hl7v2_value",
    "One row per value for which no typed table has a column, as written: further segments, fields and repetitions.",
    record_no=pa.int64(),
    message_no=pa.int64(),
    control_id=pa.string(),
    message_code=pa.string(),
    trigger_event=pa.string(),
    message_time=pa.string(),
    patient_id=pa.string(),
    visit_key=pa.string(),
    segment=pa.string(),
    field_no=pa.int64(),
    repetition_no=pa.int64(),
    component_no=pa.int64(),
    subcomponent_no=pa.int64(),
    value=pa.string(),
)

TIMES = {
    "message_time",
    "birth_date",
    "deceased_at",
    "event_at",
    "event_recorded_at",
    "admitted_at",
    "discharged_at",
    "ordered_at",
    "requested_at",
    "observed_at",
    "observed_end_at",
    "reported_at",
    "order_observed_at",
    "order_reported_at",
    "onset_at",
    "resolved_at",
    "recorded_at",
    "performed_at",
    "start_at",
    "end_at",
    "timing_start",
    "timing_end",
    "resource_start",
    "activity_at",
    "originated_at",
    "edited_at",
}
"""Columns that stand a second time in ISO form, as ``<column>_iso``."""


def _with_iso(one: Table) -> Table:
    names = [name for name in one.schema.names if name in TIMES]
    return Table(
        one.name, one.description, pa.schema([*one.schema, *(pa.field(f"{n}_iso", pa.string()) for n in names)])
    )


TABLES: tuple[Table, ...] = (*(_with_iso(one) for one in mapped_tables(CONTEXT)), VALUE)
