"""Land HL7 v2 messages in ER7 form: single messages, files of many, batches (FHS/BHS), MLLP captures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from ehr.hl7v2 import lines, parse
from ehr.hl7v2.stage import stage
from ehr.hl7v2.tables import TABLES
from ehr.leaves import LeafReport
from lake.files import decompressed
from lake.quarantine import BadFile
from lake.reader import HEAD_BYTES, Landed, Reader
from lake.sink import Sink
from lake.together import RECORDS_PER_FILE, Together

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
    lines_of_file = _lines(landed, sink, 0)
    parse.split(sink.connection, [lines_of_file])
    (report,) = stage(sink, [sink])
    report.note(sink)
    return report


def _lines(landed: Landed, sink: Sink, number: int) -> Path:
    """The numbered lines of one file, as Parquet in the sink's scratch folder."""
    path = decompressed(landed.path, sink.work / "plain.hl7", sink.settings.max_file_bytes, sink.settings.max_ratio)
    with path.open("rb") as file:
        codec = lines.codec_of(file.read(HEAD_BYTES))
    if not codec:
        known = ", ".join(sorted(filter(None, lines.CHARACTER_SETS)))
        raise BadFile("unknown_character_set", f"MSH-18 names a character set that is not one of {known}")
    target = sink.work / "lines.parquet"
    lines.write(path, target, codec, before=number * RECORDS_PER_FILE)
    sink.note("character_set", codec)
    return target


def _read(landed: Landed, sink: Sink) -> None:
    read(landed, sink)


def _read_together(files: Sequence[Landed], group: Together) -> None:
    """Read many small files in one go: an interface engine drops one message per file."""
    found = []
    for number, landed in enumerate(files):
        try:
            found.append(_lines(landed, group.of(number), number))
        except BadFile as bad:
            group.refuse(number, bad)
    if not found:
        return
    parse.split(group.connection, found)
    for number, report in enumerate(stage(group, group.sinks)):
        if number not in group.refused:
            report.note(group.of(number))


READERS: tuple[Reader, ...] = (
    Reader(
        name="hl7v2",
        description="HL7 v2 messages (ADT, ORU, VXU, RDE, SIU, …) in ER7 form: single, many, batches, MLLP captures.",
        tables=TABLES,
        matches=_matches,
        read=_read,
        kinship=lambda _: "messages",
        read_together=_read_together,
    ),
)
