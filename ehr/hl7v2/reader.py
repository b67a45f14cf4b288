"""Land HL7 v2 messages in ER7 form: single messages, files of many, batches (FHS/BHS), MLLP captures."""

from __future__ import annotations

import re

from ehr.hl7v2 import lines, parse
from ehr.hl7v2.stage import stage
from ehr.hl7v2.tables import TABLES
from ehr.leaves import LeafReport
from lake.files import decompressed
from lake.quarantine import BadFile
from lake.reader import Landed, Reader
from lake.sink import Sink

_START = re.compile(r"\s*\x0b?(MSH|FHS|BHS)[^\w\s]")
_LATER = re.compile(r"[\r\n]\x0b?MSH[^\w\s][^\r\n]{8,}")
_NAMES = (".hl7", ".er7", ".hl7v2", ".mllp")


def _matches(landed: Landed) -> bool:
    head = landed.text_head
    if _START.match(head):
        return True
    return landed.name.endswith(_NAMES) or (_LATER.search(head) is not None and "<" not in head[:1] + head[1:2])


def read(landed: Landed, sink: Sink) -> LeafReport:
    """Read a file of messages into the sink. A record is a segment.

    Returns:
        What became of every value; also kept as the note ``leaves`` of the file.

    Raises:
        BadFile: corrupt gzip, a character set that is not known, no line end in 64 MiB.
    """
    path = decompressed(landed.path, sink.work / "plain.hl7", sink.settings.max_file_bytes, sink.settings.max_ratio)
    with path.open("rb") as file:
        codec = lines.codec_of(file.read(64 << 10))
    if not codec:
        known = ", ".join(sorted(filter(None, lines.CHARACTER_SETS)))
        raise BadFile("unknown_character_set", f"MSH-18 names a character set that is not one of {known}")
    target = sink.work / "lines.parquet"
    lines.write(path, target, codec)
    parse.split(sink.connection, target)
    report = stage(sink)
    sink.note("character_set", codec)
    report.note(sink)
    return report


def _read(landed: Landed, sink: Sink) -> None:
    read(landed, sink)


READERS: tuple[Reader, ...] = (
    Reader(
        name="hl7v2",
        description="HL7 v2 messages (ADT, ORU, VXU, RDE, SIU, …) in ER7 form: single, many, batches, MLLP captures.",
        tables=TABLES,
        matches=_matches,
        read=_read,
    ),
)
