"""Raw tables of extracts: those that every plain extract shares, and those that mappings declare themselves."""

from __future__ import annotations

from ehr.extract.catalog import shipped_mappings
from ehr.extract.mapping import table_of
from ehr.extract.meds_dataset import MEDS_DATASET
from ehr.extract.targets import TARGETS
from lake.tables import Table, by_name

__all__ = ["MEDS", "MIMIC_IV", "OMOP", "SYNTHEA", "TABLES", "TARGETS"]

_EXISTING = by_name(TARGETS)


def _declared(format_name: str) -> tuple[Table, ...]:
    return tuple(table_of(mapping, _EXISTING) for mapping in shipped_mappings() if mapping.format == format_name)


MIMIC_IV = _declared("mimic_iv")
"""The MIMIC-IV tables as published, one per mapping."""

OMOP = _declared("omop")
"""The tables of the OMOP CDM 5.4, one per mapping."""

MEDS = (*_declared("meds"), MEDS_DATASET)
"""Events, codes, splits and description of a MEDS dataset."""

SYNTHEA = _declared("synthea")
"""The tables of Synthea's CSV export, one per mapping."""

TABLES: tuple[Table, ...] = (*TARGETS, *MIMIC_IV, *OMOP, *MEDS, *SYNTHEA)
