"""The smallest real reader: one number per line; lines that are no number are rejected."""

from __future__ import annotations

import pyarrow as pa

from lake.quarantine import BadFile
from lake.reader import Landed, Reader
from lake.sink import Sink
from lake.tables import table

NUMBER = table("number", "One row per line that holds a number.", record_no=pa.int64(), value=pa.float64())


def _read(landed: Landed, sink: Sink) -> None:
    lines = landed.path.read_bytes().decode().splitlines()
    if lines[0] == "refuse me":
        raise BadFile("refused", "the first line asks for it")
    if lines[0] == "break":
        raise RuntimeError("secret value 42")
    numbers, values = [], []
    for number, line in enumerate(lines, 1):
        try:
            values.append(float(line))
            numbers.append(number)
        except ValueError:
            sink.reject(f"line {number}", "not_a_number", "expected a number", record_no=number, text=line)
    sink.write("number", pa.table({"value": values, "record_no": numbers}))
    sink.count(read=len(lines), accepted=len(numbers))


LINES = Reader("lines", "Numbers, one per line.", (NUMBER,), lambda landed: landed.name.endswith(".num"), _read)
