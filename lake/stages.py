"""Stages: skip what is not stale. A stage is done for a fingerprint of all it depends on; killed stages stay undone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import orjson

from lake import files
from lake.settings import Settings

_CODE = {".py", ".sql", ".yml", ".yaml", ".csv", ".json", ".md", ".ant"}


def fingerprint(*parts: str) -> str:
    """Combine digests and versions into one."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


def code_digest(*folders: Path) -> str:
    """A digest of the code and declarations below folders, so that a change of them makes a stage stale."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.suffix in _CODE and "__pycache__" not in path.parts and "target" not in path.parts:
                digest.update(str(path.relative_to(folder)).encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()


def is_done(settings: Settings, stage: str, wanted: str, outputs: Iterable[Path] = ()) -> bool:
    """True if the stage last ended with this fingerprint and its outputs are still there."""
    try:
        last = orjson.loads(_path(settings, stage).read_bytes())
    except (FileNotFoundError, orjson.JSONDecodeError):
        return False
    return bool(last["fingerprint"] == wanted) and all(output.exists() for output in outputs)


def done(settings: Settings, stage: str, fingerprint: str) -> None:
    """Record that the stage ended with this fingerprint; called last."""
    content = {"stage": stage, "fingerprint": fingerprint, "ended_at": datetime.now(UTC).replace(tzinfo=None)}
    with files.replacing(_path(settings, stage)) as draft:
        draft.write_bytes(orjson.dumps(content))


def _path(settings: Settings, stage: str) -> Path:
    return settings.lake / "stages" / f"{stage}.json"
