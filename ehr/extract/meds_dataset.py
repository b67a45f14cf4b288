"""``metadata/dataset.json`` of a MEDS dataset: where the events come from. It has no facts about people."""

from __future__ import annotations

import orjson
import pyarrow as pa

from lake.quarantine import BadFile
from lake.reader import Landed
from lake.sink import Sink
from lake.tables import table

MEDS_DATASET = table(
    "meds_dataset",
    "One row per description of a MEDS dataset.",
    record_no=pa.int64(),
    dataset_name=pa.string(),
    dataset_version=pa.string(),
    etl_name=pa.string(),
    etl_version=pa.string(),
    meds_version=pa.string(),
    created_at=pa.string(),
    license=pa.string(),
)


def is_description(landed: Landed) -> bool:
    """Whether a file is the ``dataset.json`` of a MEDS dataset."""
    return landed.name.endswith("dataset.json") and '"meds_version"' in landed.text_head


def read(landed: Landed, sink: Sink) -> None:
    """Read the description; keys that the standard does not name, and lists, are left.

    Raises:
        BadFile: not a JSON object.
    """
    try:
        found = orjson.loads(landed.path.read_bytes())
    except orjson.JSONDecodeError as error:
        raise BadFile("invalid_json", f"line {error.lineno}: not JSON; deliver dataset.json again") from None
    if not isinstance(found, dict):
        raise BadFile("invalid_json", "expected a JSON object, as the MEDS metadata schema says")
    row: dict[str, object] = {
        name: str(found[name]) if found.get(name) is not None else None
        for name in MEDS_DATASET.schema.names
        if name != "record_no"
    }
    sink.write(MEDS_DATASET.name, pa.Table.from_pylist([{"record_no": 1, **row}], schema=MEDS_DATASET.schema))
    sink.count(1, 1)
