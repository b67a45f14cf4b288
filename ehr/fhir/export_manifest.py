"""Land the manifest of a FHIR bulk export: which files it consists of, and how many resources each should have.

Bulk Data Access IG 2.0, "Response - Complete Status". The files themselves are landed as they are; files of ``deleted``
hold Bundles whose entries ask for deletion and become retractions. The manifest lets the warehouse say what is missing,
and dates deletions that carry no time of their own.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import unquote, urlsplit

import pyarrow as pa

from ehr.fhir.tables import EXPORT_FILE
from lake.files import decompressed
from lake.quarantine import BadFile
from lake.reader import Landed, Reader
from lake.sink import Sink

_PARTS = ("output", "deleted", "error")
_TIME = re.compile(r'"transactionTime"\s*:')
_MAX_BYTES = 16 << 20


def _matches(landed: Landed) -> bool:
    head = landed.text_head
    return head.lstrip().startswith("{") and _TIME.search(head) is not None and '"output"' in head


def _read(landed: Landed, sink: Sink) -> None:
    path = decompressed(landed.path, sink.work / "manifest.json", _MAX_BYTES, sink.settings.max_ratio)
    if path.stat().st_size > _MAX_BYTES:
        raise BadFile("file_too_large", f"an export manifest of more than {_MAX_BYTES:,} bytes")
    try:
        content = json.loads(path.read_bytes().decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise BadFile(
            "invalid_json", "the manifest is not a JSON object; deliver the export's answer as it came"
        ) from None
    if not isinstance(content, dict) or not isinstance(content.get("transactionTime"), str):
        raise BadFile("wrong_shape", "a bulk-export manifest has a transactionTime and a list output")
    rows: list[dict[str, Any]] = []
    number = 0
    for part in _PARTS:
        listed = content.get(part)
        if listed is None:
            continue
        if not isinstance(listed, list):
            raise BadFile("wrong_shape", f"{part} of the manifest is not a list")
        for ordinal, one in enumerate(listed, start=1):
            number += 1
            row = _row(one)
            if row is None:
                detail = "an entry has type, url and, if it is given, a whole number count"
                sink.reject(f"{part} {ordinal}", "wrong_shape", detail, record_no=number, table=EXPORT_FILE.name)
            else:
                rows.append({"record_no": number, "transaction_time": content["transactionTime"], "part": part, **row})
    sink.write(EXPORT_FILE.name, pa.Table.from_pylist(rows, schema=EXPORT_FILE.schema))
    sink.count(number, len(rows))


def _row(entry: object) -> dict[str, Any] | None:
    if not isinstance(entry, dict):
        return None
    url, kind, count = entry.get("url"), entry.get("type"), entry.get("count")
    if not (isinstance(url, str) and isinstance(kind, str) and (count is None or type(count) is int)):
        return None
    # Only the name: the rest of the address may carry what was asked about whom.
    name = unquote(urlsplit(url).path).rstrip("/").rsplit("/", 1)[-1]
    return {"resource_type": kind, "file_name": name, "expected_count": count} if name else None


READERS: tuple[Reader, ...] = (
    Reader(
        name="fhir_export_manifest",
        description="Manifest of a FHIR bulk export: the files it consists of and how many resources each has.",
        tables=(EXPORT_FILE,),
        matches=_matches,
        read=_read,
    ),
)
