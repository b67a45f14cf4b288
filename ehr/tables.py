"""Every raw table of this room."""

from __future__ import annotations

from ehr.extract.tables import TABLES as EXTRACT
from ehr.fhir.tables import TABLES as FHIR
from lake.tables import Table

TABLES: tuple[Table, ...] = (*FHIR, *EXTRACT)
