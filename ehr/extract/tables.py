"""Raw tables of extracts: those that every plain extract shares, and those that mappings declare themselves."""

from __future__ import annotations

from ehr.extract.catalog import shipped_mappings
from ehr.extract.mapping import table_of
from ehr.extract.targets import TARGETS
from lake.tables import Table, by_name

__all__ = ["MIMIC_IV", "TABLES", "TARGETS"]

_EXISTING = by_name(TARGETS)

MIMIC_IV: tuple[Table, ...] = tuple(
    table_of(mapping, _EXISTING) for mapping in shipped_mappings() if mapping.format == "mimic_iv"
)
"""The MIMIC-IV tables as published, one per mapping."""

TABLES: tuple[Table, ...] = (*TARGETS, *MIMIC_IV)
