"""Metadata of records that matter here (time zone, "typed in by hand"), of which a file holds few different lines."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from wearables.apple_health.blocks import Block, Flags

_SPLIT = "string_split(substr(line, instr(line, ' ')), '\"')"


@dataclass(frozen=True)
class Hung:
    """What hangs on the records of a block.

    Attributes:
        zone: the record's time zone, as a place in ``Metadata.zones``; 0 is none.
        was_entered: 1 typed in, 0 said not to be, -1 nothing said.
        is_plain: at most one line of each kind, all of which could be read.
    """

    zone: NDArray[np.int64]
    was_entered: NDArray[np.int64]
    is_plain: Flags


class Metadata:
    """The lines of metadata of a file, as they turn up."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self.zones: list[str | None] = [None]
        self._meanings: dict[str, tuple[str | None, int, int]] = {}

    def of(self, block: Block) -> Hung:
        """What hangs on the block's records."""
        number = len(block.line_no)
        hung = Hung(np.zeros(number, np.int64), np.full(number, -1), np.ones(number, np.bool_))
        owners, starts, ends, _ = block.metadata
        if not len(owners):
            return hung
        encoded = block.texts(starts, ends).dictionary_encode()
        texts = encoded.dictionary.to_pylist()
        self._learn([text for text in texts if text not in self._meanings])
        codes = encoded.indices.to_numpy(zero_copy_only=False)
        keys, zones, entered = zip(*(self._meanings[text] for text in texts), strict=True)
        kind = np.array([{"HKTimeZone": 0, "HKWasUserEntered": 1}.get(key, 2) for key in keys])[codes]
        hung.is_plain[owners[kind == 2]] = False
        for one, values, of_record in ((0, zones, hung.zone), (1, entered, hung.was_entered)):
            mine = owners[kind == one]
            hung.is_plain[np.bincount(mine, minlength=number) > 1] = False
            of_record[mine] = np.array(values, np.int64)[codes][kind == one]
        return hung

    def offsets(self, zone: NDArray[np.int64], start: NDArray[np.int64]) -> NDArray[np.int64]:
        """Minutes that zones are ahead of UTC at the starts (microseconds since 1970)."""
        names = pa.DictionaryArray.from_arrays(pa.array(zone - 1), pa.array(self.zones[1:], pa.string()))
        self.connection.register("zoned", pa.table({"n": np.arange(len(start)), "zone": names, "us": start}))
        found = self.connection.execute(
            "select date_diff('minute', start_at, timezone(zone, start_at::timestamptz)) as offset_min"
            " from (select n, zone, make_timestamp(us) as start_at from zoned) order by n"
        ).fetchnumpy()
        self.connection.unregister("zoned")
        return np.asarray(found["offset_min"], np.int64)

    def _learn(self, texts: list[str]) -> None:
        if not texts:
            return
        self.connection.register("entry", pa.table({"n": range(len(texts)), "line": texts}))
        found = self.connection.execute(f"""
            with read as (
                select n, attribute({_SPLIT}, 'key') as key, tidy(attribute({_SPLIT}, 'value')) as value from entry
            )
            select
                n,
                key,
                case when key = 'HKTimeZone' then known.name end,
                case when key = 'HKWasUserEntered' then (value = '1')::int end
            from read left join (select name from pg_timezone_names()) as known on read.value = known.name
        """).fetchall()
        self.connection.unregister("entry")
        for number, key, zone, entered in found:
            if zone not in self.zones:
                self.zones.append(zone)
            self._meanings[texts[number]] = (key, self.zones.index(zone), -1 if entered is None else entered)
