"""Every format of this room, in the order in which they are asked whether a file is theirs."""

from __future__ import annotations

from ehr.extract.reader import READERS as EXTRACT
from ehr.fhir.export_manifest import READERS as EXPORT_MANIFEST
from ehr.fhir.reader import READERS as FHIR
from lake.reader import Reader

READERS: tuple[Reader, ...] = (*EXPORT_MANIFEST, *FHIR, *EXTRACT)
