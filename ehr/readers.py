"""Every format of this room, in the order in which they are asked whether a file is theirs."""

from __future__ import annotations

from ehr.ccda.reader import READERS as CCDA
from ehr.dicom.reader import READERS as DICOM
from ehr.extract.reader import READERS as EXTRACT
from ehr.fhir.export_manifest import READERS as EXPORT_MANIFEST
from ehr.fhir.reader import READERS as FHIR
from ehr.hl7v2.reader import READERS as HL7V2
from lake.reader import Reader

READERS: tuple[Reader, ...] = (*EXPORT_MANIFEST, *FHIR, *HL7V2, *CCDA, *DICOM, *EXTRACT)
