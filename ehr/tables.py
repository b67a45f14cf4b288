"""Every raw table of this room."""

from __future__ import annotations

from ehr.ccda.tables import TABLES as CCDA
from ehr.dicom.tables import TABLES as DICOM
from ehr.extract.tables import TABLES as EXTRACT
from ehr.fhir.tables import TABLES as FHIR
from ehr.hl7v2.tables import TABLES as HL7V2
from lake.tables import Table

TABLES: tuple[Table, ...] = (*FHIR, *HL7V2, *CCDA, *DICOM, *EXTRACT)
