"""Dagster's event log, with one connection a file instead of one an event: a build logs thousands of events."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from dagster import EventLogEntry, StringSource
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.event import listen

OPEN_FILES = 16
"""Files that are kept open: the index and the runs that were written or looked at last."""


class EventLog(SqliteEventLogStorage):
    """The same files as Dagster's own storage (``$DAGSTER_HOME/history/runs``), at half of its cost.

    Dagster makes an engine for every event, so it compiles every statement anew and writes the whole log back to the
    file each time.
    """

    def __init__(self, home: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engine = lru_cache(maxsize=OPEN_FILES)(self._open)
        super().__init__(str(Path(home, "history", "runs")), inst_data)

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        return {"home": StringSource}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> EventLog:
        return cls(inst_data=inst_data, **config_value)

    def _open(self, shard: str) -> Engine:
        engine = create_engine(self.conn_string_for_shard(shard), connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS})
        # With the write-ahead log a crash cannot harm the file; only a power cut may cost the last events.
        listen(engine, "connect", lambda connection, _: connection.execute("pragma synchronous = normal"))
        return engine

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            engine = self._engine(shard)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.connect() as connection, connection.begin():
                yield connection

    def store_event(self, event: EventLogEntry) -> None:
        super().store_event(event)
        # Who follows a run watches its file, but what is written stays for a while in the log beside it.
        os.utime(self.path_for_shard(event.run_id))

    def wipe(self) -> None:
        self._engine.cache_clear()
        super().wipe()
