"""Records in PhysioNet's waveform format (WFDB), read by wfdb: a zip with the header and its signal files.

Header and formats: physionet.org/physiotools/wag/header-5.htm and signal-5.htm. Needs the extra ``wfdb``.
"""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from lake.files import unpack_member, zip_members
from lake.quarantine import BadFile
from lake.reader import Landed
from lake.sink import Sink
from wearables.waveform_chunks import CHUNK_S, Chunk, must_be_plausible, table

_HEADER_LINE = re.compile(r"[\w-]+(/\d+)? \d+( [\d.]+.*)?")
_FILE_NAME = re.compile(r"[\w-][\w.-]*")


def matches(landed: Landed) -> bool:
    """True for a zip with a header in it, and for a header alone, to say what is missing; never raises."""
    if landed.name.endswith(".hea"):
        lines = [line for line in landed.text_head.splitlines() if line and not line.startswith("#")]
        return bool(lines) and _HEADER_LINE.fullmatch(lines[0].strip()) is not None
    return any(name.endswith(".hea") for name in landed.members)


def read(landed: Landed, sink: Sink) -> None:
    """Read every record of the zip into chunks; a record that cannot be read is rejected by its name.

    Raises:
        BadFile: the extra is not installed, or a header came without its signals.
    """
    if landed.name.endswith(".hea"):
        raise BadFile("signals_missing", "a header without its signals; land one zip of the .hea and the .dat files")
    try:
        import wfdb
    except ImportError:
        raise BadFile("needs_extra", "install the extra `wfdb` (pip install 'human-twin[wfdb]')") from None
    folder = sink.work / "record"
    names = _unpacked(landed, sink, folder)
    parts: set[str] = set()
    records = {}
    for name in names:
        try:
            records[name] = _record(wfdb, folder, name)
            parts |= set(getattr(records[name], "seg_name", None) or ())
        except BadFile as bad:
            sink.reject(name, bad.reason, bad.detail, table="waveform_chunk")
            sink.count(1, 0)
    number = 0
    for name, record in records.items():
        if name in parts:  # a segment of another record
            continue
        must_be_plausible(landed, record.base_datetime)
        number = _write(sink, record, number)
        sink.count(1, 1)


def _unpacked(landed: Landed, sink: Sink, folder: Path) -> list[str]:
    """Put the members side by side; names of the records."""
    settings = sink.settings
    folder.mkdir()
    found = []
    for member in zip_members(landed.path, settings.max_file_bytes, settings.max_ratio):
        base = member.filename.rpartition("/")[2]
        if not _FILE_NAME.fullmatch(base) or (folder / base).exists():
            continue
        try:
            unpack_member(landed.path, member, folder / base)
        except BadFile as bad:
            sink.reject(member.filename, bad.reason, bad.detail, table="waveform_chunk")
            sink.count(1, 0)
            continue
        if base.endswith(".hea"):
            found.append(base.removesuffix(".hea"))
    return sorted(found)


def _record(wfdb: Any, folder: Path, name: str) -> Any:
    """Read one record whose header names nothing outside the folder."""
    try:
        header = wfdb.rdheader(str(folder / name))
        files = getattr(header, "file_name", None) or []
        files += [f"{one}.hea" for one in getattr(header, "seg_name", None) or [] if one != "~"]
        absent = [one for one in files if not _FILE_NAME.fullmatch(str(one)) or not (folder / one).is_file()]
        if absent:
            raise BadFile("signals_missing", f"{len(absent)} of {len(files)} files that the header names are missing")
        record = wfdb.rdrecord(str(folder / name), smooth_frames=False)
    except BadFile:
        raise
    except Exception as error:  # the library fails in many ways on a broken record
        raise BadFile("corrupt_record", f"not a readable record: {type(error).__name__}") from None
    if record.base_datetime is None:
        raise BadFile("no_time", "the header has no base date; add it (record line: time, then day/month/year)")
    return record


def _write(sink: Sink, record: Any, number: int) -> int:
    for k, signal in enumerate(record.sig_name):
        rate = float(record.fs) * record.samps_per_frame[k]
        values = np.asarray(record.e_p_signal[k], np.float32)
        step = max(1, int(CHUNK_S * rate))
        for first in range(0, len(values), step):
            part = values[first : first + step]
            if not np.isnan(part).all():
                number += 1
                at = record.base_datetime + timedelta(seconds=first / rate)
                chunk = Chunk(number, signal, at, rate, record.units[k], part)
                sink.write("waveform_chunk", table([chunk], "assumed_utc"))
    return number
