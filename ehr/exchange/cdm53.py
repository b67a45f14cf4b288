"""What CDM 5.3 has otherwise than 5.4 (OHDSI/CommonDataModel, inst/ddl/5.3/duckdb and inst/ddl/5.4/duckdb)."""

from __future__ import annotations

LATER_TABLES = frozenset({"episode", "episode_event", "cohort"})
"""Not in the data definition of 5.3; cohorts belong to the results schema there."""

ATTRIBUTE_DEFINITION = {
    "attribute_definition_id": "integer",
    "attribute_name": "varchar",
    "attribute_description": "varchar",
    "attribute_type_concept_id": "integer",
    "attribute_syntax": "varchar",
}
"""The table that 5.4 has no more."""

LATER_COLUMNS: dict[str, frozenset[str]] = {
    "procedure_occurrence": frozenset({"procedure_end_date", "procedure_end_datetime"}),
    "device_exposure": frozenset({"production_id", "unit_concept_id", "unit_source_value", "unit_source_concept_id"}),
    "measurement": frozenset({"unit_source_concept_id", "measurement_event_id", "meas_event_field_concept_id"}),
    "observation": frozenset({"value_source_value", "observation_event_id", "obs_event_field_concept_id"}),
    "note": frozenset({"note_event_id", "note_event_field_concept_id"}),
    "location": frozenset({"country_concept_id", "country_source_value", "latitude", "longitude"}),
    "metadata": frozenset({"metadata_id", "value_as_number"}),
    "cdm_source": frozenset({"cdm_version_concept_id"}),
}

_VISIT = {
    "admitted_from_concept_id": "admitting_source_concept_id",
    "admitted_from_source_value": "admitting_source_value",
    "discharged_to_concept_id": "discharge_to_concept_id",
    "discharged_to_source_value": "discharge_to_source_value",
}
EARLIER_NAMES: dict[str, dict[str, str]] = {
    "visit_occurrence": _VISIT,
    "visit_detail": {**_VISIT, "parent_visit_detail_id": "visit_detail_parent_id"},
}
"""Column of 5.4 → its name in 5.3."""
