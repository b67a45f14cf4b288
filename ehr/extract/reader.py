"""The readers of extracts: one per format name that mappings use."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ehr.extract import meds_dataset
from ehr.extract.catalog import find
from ehr.extract.engine import run
from ehr.extract.mapping import MappingError, table_of
from ehr.extract.tables import MEDS, MIMIC_IV, OMOP, SYNTHEA, TABLES, TARGETS
from lake.files import decompressed
from lake.quarantine import BadFile, Rejected
from lake.reader import Landed, Reader
from lake.sink import Sink
from lake.tables import by_name

_OF_THEIR_OWN = frozenset({"mimic_iv", "omop", "meds", "synthea"})
"""Formats with tables of their own; mappings of any other format are plain extracts."""


def _is(name: str) -> Callable[[Landed], bool]:
    def matches(landed: Landed) -> bool:
        mapping = find(landed)
        return mapping is not None and (mapping.format if mapping.format in _OF_THEIR_OWN else "extract") == name

    return matches


def read(landed: Landed, sink: Sink) -> None:
    """Read an extract through its mapping.

    Raises:
        BadFile: empty, not UTF-8 text, a wrong delimiter, a missing or duplicate column.
    """
    mapping = find(landed)
    if mapping is None:
        raise BadFile("unknown_format", "no mapping has this file's name or header")
    try:
        table = table_of(mapping, by_name(TARGETS))
    except MappingError as error:
        raise BadFile("bad_mapping", str(error)) from None
    path = decompressed(landed.path, sink.work / "extract", sink.settings.max_file_bytes, sink.settings.max_ratio)
    # A user's mapping may declare a table of its own.
    sink.declare(by_name((*TABLES, table)).values())

    def reject(one: Rejected) -> None:
        sink.reject(
            one.position, one.reason, one.detail, record_no=one.record_no, table=one.target_table, text=one.text
        )

    outcome = run(
        path, mapping, table, sink.connection, accept=lambda query: sink.write_query(table.name, query), reject=reject
    )
    sink.count(outcome.read, outcome.accepted)
    sink.note("mapping", mapping.name)
    sink.note("read_as", outcome.dialect)
    if outcome.compiled.unused:
        sink.note("columns_not_mapped", ", ".join(outcome.compiled.unused))
    if outcome.blank:
        sink.note("blank_lines", str(outcome.blank))
    if path != landed.path:
        Path(path).unlink()


_is_meds = _is("meds")

READERS: tuple[Reader, ...] = (
    Reader(
        "mimic_iv",
        "A CSV table of MIMIC-IV (hosp or icu), as PhysioNet publishes it.",
        MIMIC_IV,
        _is("mimic_iv"),
        read,
    ),
    Reader(
        "omop",
        "A table of an OMOP CDM 5.3 or 5.4 database or of its vocabularies, as CSV, TSV or Parquet.",
        OMOP,
        _is("omop"),
        read,
    ),
    Reader(
        "meds",
        "A MEDS 0.4 dataset: Parquet of events, codes or subject splits, and its dataset.json.",
        MEDS,
        lambda landed: meds_dataset.is_description(landed) or _is_meds(landed),
        lambda landed, sink: (meds_dataset.read if meds_dataset.is_description(landed) else read)(landed, sink),
    ),
    Reader(
        "synthea",
        "A CSV table of Synthea's CSV export.",
        SYNTHEA,
        _is("synthea"),
        read,
    ),
    Reader(
        "extract",
        "A CSV, TSV or Parquet extract (people, results, vital signs, value sets) for which there is a mapping.",
        TARGETS,
        _is("extract"),
        read,
    ),
)
