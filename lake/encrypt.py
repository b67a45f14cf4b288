"""The identified snapshot as an encrypted file, for the way to another machine.

DuckDB's own encryption (AES-256-GCM), which 1.5 and 2.0 read alike. Both write it only with the extension httpfs, which
carries OpenSSL; without it DuckDB has no random numbers that are good enough, and refuses.
"""

from __future__ import annotations

import duckdb

from lake import files, publish, warehouse
from lake.settings import Settings
from lake.sql import literal

SHORTEST_KEY = 16

EXTENSION = "httpfs"
"""What DuckDB encrypts with."""


class NoEncryption(Exception):
    """This DuckDB cannot write encrypted files, or the key is too weak."""


def encrypt(settings: Settings, key: str) -> publish.Publication:
    """Write ``published/twin_encrypted.duckdb``; open it with ``attach '…' (encryption_key '…', read_only)``.

    Raises:
        FileNotFoundError: nothing has been published yet.
        NoEncryption: the key is shorter than 16 characters, or the extension httpfs is not installed.
    """
    if len(key) < SHORTEST_KEY:
        raise NoEncryption(f"the key has {len(key)} characters; at least {SHORTEST_KEY} are needed")
    warehouse.require_snapshot(settings.snapshot)
    with files.replacing(settings.snapshot_encrypted) as draft, warehouse.memory(settings) as connection:
        _ready(connection)
        for path, name, options in (
            (settings.snapshot, "twin", "read_only"),
            # the statement is never logged, and an attach takes no bound parameters
            (draft, "encrypted", f"encryption_key {literal(key)}"),
        ):
            connection.execute(f"attach {literal(path)} as {name} ({options})")
        connection.execute("copy from database twin to encrypted")
        rows = dict(
            connection.execute(
                "select schema_name || '.' || table_name, estimated_size from duckdb_tables()"
                " where database_name = 'encrypted'"
            ).fetchall()
        )
        connection.execute("detach encrypted")
        draft.chmod(0o440)
    target = settings.snapshot_encrypted
    return publish.Publication(target, target.stat().st_size, rows)


def _ready(connection: duckdb.DuckDBPyConnection) -> None:
    try:
        connection.execute(f"load {EXTENSION}")
    except duckdb.Error:
        raise NoEncryption(
            "DuckDB writes encrypted files only with its extension httpfs, which is not installed here;"
            " run `install httpfs` once in a DuckDB that may reach the network, or encrypt the file with other means"
        ) from None
