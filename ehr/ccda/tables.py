"""The raw tables of C-CDA. Values are text as written; times are HL7 times, read in staging."""

from __future__ import annotations

import pyarrow as pa

from ehr.ccda.mapping import DOCUMENT, PERSON, SECTION, VALUE, mapping
from lake.tables import Table

PLACE = {
    "record_no": pa.int64(),
    "document_id": pa.string(),
    "document_time": pa.string(),
    "document_time_iso": pa.string(),
    "patient_id": pa.string(),
}
"""On every row: the ordinal of header, section or entry in the document, the document, its time, and the patient."""

STATEMENT = {"section_code": pa.string(), "statement_no": pa.int64()}
CODING = {
    "coding_no": pa.int64(),
    "code_system": pa.string(),
    "code": pa.string(),
    "code_display": pa.string(),
    "code_text": pa.string(),
    "code_null": pa.string(),
}
_PERSON = {"national_id": pa.string()}
_VALUE = {"section_code": pa.string(), "path": pa.string(), "line_no": pa.int64(), "value": pa.string()}


TIMES = {
    "start_at",
    "end_at",
    "author_time",
    "panel_start_at",
    "panel_author_time",
    "birth_time",
    "deceased_time",
    "effective_time",
}
"""Columns that stand a second time in ISO form, as ``<column>_iso``."""


def _tables() -> tuple[Table, ...]:
    found = []
    for name, part in mapping().parts.items():
        extra = _PERSON if name == PERSON else {} if name in (DOCUMENT, SECTION) else {**STATEMENT, **CODING}
        columns = {**PLACE, **extra, **dict.fromkeys(part.columns, pa.string())}
        columns |= {f"{column}_iso": pa.string() for column in part.columns if column in TIMES}
        found.append(Table(name, part.description, pa.schema(columns)))
    description = "One row per value for which no typed table has a column, as written, with its path in the document."
    return (*found, Table(VALUE, description, pa.schema({**PLACE, **_VALUE})))


TABLES: tuple[Table, ...] = _tables()
