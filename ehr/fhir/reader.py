"""Land FHIR: bulk NDJSON and Bundles → raw tables.

Two ways through the same views. **Typed**: a clean file of one resource type is read by DuckDB straight into structs,
strictly. **Careful**: whatever the typed way refuses (bad lines, mixed types, Bundles, a byte-order mark) is split into
numbered lines, each line is judged, bad ones go to quarantine with their number and reason, the rest is staged.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from pathlib import Path

import duckdb

from ehr.fhir import careful, lines, typed, views
from ehr.fhir.source import MAX_LINE_BYTES
from ehr.fhir.tables import TABLES
from lake.files import decompressed
from lake.quarantine import BadFile
from lake.reader import Landed, Reader
from lake.sink import Sink
from lake.together import Together

_RESOURCE_TYPE = re.compile(r'"resourceType"\s*:\s*"([A-Za-z]+)"')
_JSON_NAMES = (".ndjson", ".json", ".jsonl")


def _matches(landed: Landed) -> bool:
    head = landed.text_head
    found = _RESOURCE_TYPE.search(head) is not None
    return found and (head.lstrip().startswith("{") or landed.name.endswith(_JSON_NAMES))


def _is_document(landed: Landed) -> bool:
    """One JSON document over several lines (a pretty-printed Bundle), not one resource per line."""
    first = [line for line in landed.text_head.splitlines() if line.strip()][:2]
    return len(first) > 1 and not first[0].rstrip().endswith("}") and not first[1].startswith("{")


def _is_long_bundle(landed: Landed, plain: Path) -> bool:
    """One Bundle on one line, longer than lines may be: its entries are of ordinary size."""
    if "\n" in landed.text_head.strip() or plain.stat().st_size <= MAX_LINE_BYTES:
        return False
    found = _RESOURCE_TYPE.search(landed.text_head)
    return found is not None and '"entry"' in landed.text_head and lines.look(plain).lines == 1


def _read(landed: Landed, sink: Sink) -> None:
    if landed.head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise BadFile("wrong_encoding", "the file is UTF-16; FHIR JSON is UTF-8, deliver it so")
    path = decompressed(landed.path, sink.work / "plain.ndjson", sink.settings.max_file_bytes, sink.settings.max_ratio)
    if _is_document(landed) or _is_long_bundle(landed, path):
        careful.read(path, sink, document=True)
        return
    first_type = _RESOURCE_TYPE.search(landed.first_line)
    if first_type is not None and first_type.group(1) != "Bundle":
        try:
            if typed.read(path, first_type.group(1), sink):
                return
        except duckdb.Error:
            pass  # the typed reader stops at the first bad line; the careful one finds them all
        sink.discard()
    careful.read(path, sink)


def _kinship(landed: Landed) -> str | None:
    """The resource type of a file with one resource per line; everything else is read alone."""
    first_type = _RESOURCE_TYPE.search(landed.first_line)
    if first_type is None or first_type.group(1) == "Bundle" or not landed.first_line.startswith("{"):
        return None
    return None if _is_document(landed) else first_type.group(1)


def _read_together(files: Sequence[Landed], group: Together) -> None:
    limits = (group.settings.max_file_bytes, group.settings.max_ratio)
    paths = [decompressed(landed.path, group.work / f"{number}.ndjson", *limits) for number, landed in enumerate(files)]
    resource = _kinship(files[0])
    assert resource is not None
    typed.read_together(paths, resource, group)


READERS: tuple[Reader, ...] = (
    Reader(
        name="fhir_ndjson",
        description="FHIR R4 resources: bulk-export NDJSON (one or mixed types), Bundles, lists of deletions.",
        tables=tuple(one for one in TABLES if one.name in views.STAGED.values()),
        matches=_matches,
        read=_read,
        kinship=_kinship,
        read_together=_read_together,
    ),
)
