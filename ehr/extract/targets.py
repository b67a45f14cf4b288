"""The raw tables that plain extracts share, whatever hospital they come from."""

from __future__ import annotations

import pyarrow as pa

from lake.tables import UTC_TIME, Table

PERSON_RECORD = Table(
    "person_record",
    "One row per person of a patient list, a device account list or a genome sample sheet, as delivered.",
    pa.schema(
        [
            ("record_no", pa.int64()),
            ("person_key", pa.string()),
            ("id_type", pa.string()),
            ("family", pa.string()),
            ("given", pa.string()),
            ("birth_date", pa.date32()),
            ("sex", pa.string()),
            ("death_date", pa.date32()),
            ("phone", pa.string()),
            ("email", pa.string()),
            ("address_line", pa.string()),
            ("city", pa.string()),
            ("postal_code", pa.string()),
            ("national_id", pa.string()),
            ("other_system", pa.string()),
            ("other_key", pa.string()),
            ("assay", pa.string()),
            ("findings_consent", pa.string()),
            ("collected_date", pa.date32()),
            ("recorded_at", UTC_TIME),
        ]
    ),
)

LAB_RESULT = Table(
    "lab_result",
    "One row per laboratory result of a plain extract, as delivered: corrections and cancellations are rows too.",
    pa.schema(
        [
            ("record_no", pa.int64()),
            ("result_id", pa.string()),
            ("patient_id", pa.string()),
            ("encounter_id", pa.string()),
            ("code_system", pa.string()),
            ("code", pa.string()),
            ("name", pa.string()),
            ("value_text", pa.string()),
            ("value_num", pa.float64()),
            ("comparator", pa.string()),
            ("unit", pa.string()),
            ("ref_low", pa.float64()),
            ("ref_high", pa.float64()),
            ("collected_at", UTC_TIME),
            ("resulted_at", UTC_TIME),
            ("status", pa.string()),
            ("specimen", pa.string()),
        ]
    ),
)

VITAL_SIGN = Table(
    "vital_sign",
    "One row per vital sign of a plain extract, as delivered.",
    pa.schema(
        [
            ("record_no", pa.int64()),
            ("result_id", pa.string()),
            ("patient_id", pa.string()),
            ("encounter_id", pa.string()),
            ("code_system", pa.string()),
            ("code", pa.string()),
            ("name", pa.string()),
            ("value_text", pa.string()),
            ("value_num", pa.float64()),
            ("unit", pa.string()),
            ("measured_at", UTC_TIME),
            ("recorded_at", UTC_TIME),
            ("status", pa.string()),
        ]
    ),
)

VALUE_SET_CODE = Table(
    "value_set_code",
    "One row per code of a delivered value set.",
    pa.schema(
        [
            ("record_no", pa.int64()),
            ("value_set", pa.string()),
            ("name", pa.string()),
            ("code_system", pa.string()),
            ("code", pa.string()),
            ("display", pa.string()),
        ]
    ),
)

CONCEPT_MAP = Table(
    "concept_map",
    "One row per code and the code it is mapped to, of a map that a site lands; a code without a counterpart has null.",
    pa.schema(
        [
            ("record_no", pa.int64()),
            ("source_code_system", pa.string()),
            ("source_code", pa.string()),
            ("target_code_system", pa.string()),
            ("target_code", pa.string()),
            ("equivalence", pa.string()),
            ("flags", pa.string()),
            ("map_name", pa.string()),
            ("map_version", pa.string()),
        ]
    ),
)

TARGETS: tuple[Table, ...] = (PERSON_RECORD, LAB_RESULT, VITAL_SIGN, VALUE_SET_CODE, CONCEPT_MAP)
