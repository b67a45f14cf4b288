"""The raw tables of FHIR: one per staged resource type, columns as the views in ``views/`` give them.

All dates and times stay strings as written (FHIR dates may be partial). References are stripped to the id.
"""

from __future__ import annotations

import pyarrow as pa

from lake.tables import Table, table

S, I, F, B = pa.string(), pa.int64(), pa.float64(), pa.bool_()  # noqa: E741
_ID = {"record_no": I, "id": S, "last_updated": S}
_CODE = {"coding_no": I, "code_system": S, "code": S, "code_display": S}

PATIENT = table(
    "fhir_patient",
    "One row per FHIR Patient version: demographics and identifiers.",
    **_ID,
    active=B,
    mrn=S,
    mrn_system=S,
    national_id=S,
    family=S,
    given=S,
    birth_date=S,
    gender=S,
    deceased_flag=B,
    deceased_at=S,
    phone=S,
    email=S,
    address_line=S,
    city=S,
    state=S,
    postal_code=S,
    country=S,
    marital_status=S,
    language=S,
    replaced_by=S,
)
ENCOUNTER = table(
    "fhir_encounter",
    "One row per FHIR Encounter version and coding of its type.",
    **_ID,
    patient_id=S,
    status=S,
    class_code=S,
    **_CODE,
    period_start=S,
    period_end=S,
    reason_code=S,
    service_provider=S,
)
CONDITION = table(
    "fhir_condition",
    "One row per FHIR Condition version and coding.",
    **_ID,
    patient_id=S,
    encounter_id=S,
    clinical_status=S,
    verification_status=S,
    category=S,
    **_CODE,
    code_text=S,
    onset=S,
    abatement=S,
    recorded_date=S,
)
OBSERVATION = table(
    "fhir_observation",
    "One row per FHIR Observation version, component (0 is the observation itself) and coding.",
    **_ID,
    component_no=I,
    patient_id=S,
    encounter_id=S,
    status=S,
    category=S,
    **_CODE,
    code_text=S,
    value_type=S,
    value_num=F,
    value_literal=S,
    comparator=S,
    unit=S,
    unit_system=S,
    unit_code=S,
    value_text=S,
    value_code_system=S,
    value_code=S,
    value_code_display=S,
    data_absent_reason=S,
    ref_low=F,
    ref_high=F,
    interpretation=S,
    effective_start=S,
    effective_end=S,
    issued=S,
    device_id=S,
)
MEDICATION_REQUEST = table(
    "fhir_medication_request",
    "One row per FHIR MedicationRequest version and coding of its medication.",
    **_ID,
    patient_id=S,
    encounter_id=S,
    status=S,
    intent=S,
    **_CODE,
    code_text=S,
    authored_on=S,
    validity_start=S,
    validity_end=S,
    dose_text=S,
    dose_value=F,
    dose_unit=S,
)
PROCEDURE = table(
    "fhir_procedure",
    "One row per FHIR Procedure version and coding.",
    **_ID,
    patient_id=S,
    encounter_id=S,
    status=S,
    **_CODE,
    performed_start=S,
    performed_end=S,
)
IMMUNIZATION = table(
    "fhir_immunization",
    "One row per FHIR Immunization version and coding of its vaccine.",
    **_ID,
    patient_id=S,
    encounter_id=S,
    status=S,
    **_CODE,
    occurrence=S,
    recorded=S,
)
ALLERGY_INTOLERANCE = table(
    "fhir_allergy_intolerance",
    "One row per FHIR AllergyIntolerance version and coding.",
    **_ID,
    patient_id=S,
    clinical_status=S,
    verification_status=S,
    category=S,
    criticality=S,
    **_CODE,
    onset=S,
    recorded_date=S,
)
DIAGNOSTIC_REPORT = table(
    "fhir_diagnostic_report",
    "One row per FHIR DiagnosticReport version and coding.",
    **_ID,
    patient_id=S,
    encounter_id=S,
    status=S,
    category=S,
    **_CODE,
    effective_start=S,
    effective_end=S,
    issued=S,
    conclusion=S,
)
FAMILY_MEMBER_HISTORY = table(
    "fhir_family_member_history",
    "One row per FHIR FamilyMemberHistory version, condition of the relative and coding.",
    **_ID,
    patient_id=S,
    status=S,
    date=S,
    relationship_code=S,
    relationship_display=S,
    sex=S,
    condition_no=I,
    **_CODE,
    onset_age_years=F,
    deceased_flag=B,
)
DEVICE = table(
    "fhir_device",
    "One row per FHIR Device version and coding of its type.",
    **_ID,
    patient_id=S,
    status=S,
    **_CODE,
    manufacturer=S,
    model=S,
    serial_number=S,
)
IMAGING_STUDY = Table(
    "fhir_imaging_study",
    "One row per FHIR ImagingStudy version.",
    pa.schema(
        {
            **_ID,
            "patient_id": S,
            "encounter_id": S,
            "status": S,
            "modality": S,
            "body_site_code": S,
            "body_site_display": S,
            "started": S,
            "series_count": I,
            "instance_count": I,
            "description": S,
        }
    ),
)
DELETED = table(
    "fhir_deleted",
    "One row per resource that a bulk export reports as deleted.",
    record_no=I,
    resource_type=S,
    id=S,
    deleted_at=S,
)

TABLES: tuple[Table, ...] = (
    PATIENT,
    ENCOUNTER,
    CONDITION,
    OBSERVATION,
    MEDICATION_REQUEST,
    PROCEDURE,
    IMMUNIZATION,
    ALLERGY_INTOLERANCE,
    DIAGNOSTIC_REPORT,
    FAMILY_MEMBER_HISTORY,
    DEVICE,
    IMAGING_STUDY,
    DELETED,
)
