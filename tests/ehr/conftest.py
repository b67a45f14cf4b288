"""Reading small made-up files with a reader, as every format's tests do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from ehr.leaves import LeafReport
from lake.preview import Preview, preview
from lake.reader import Reader

ReadAll = Callable[[Mapping[str, str | bytes]], dict[str, Preview]]


@pytest.fixture
def reading(tmp_path: Path) -> Callable[[Reader, str], ReadAll]:
    """Make a function that reads several contents in one go; records and values of each must add up."""

    def _reading(reader: Reader, suffix: str) -> ReadAll:
        def _read(contents: Mapping[str, str | bytes]) -> dict[str, Preview]:
            paths = {case: tmp_path / f"{number}{suffix}" for number, case in enumerate(contents)}
            for case, content in contents.items():
                paths[case].write_bytes(content.encode() if isinstance(content, str) else content)
            found = dict(zip(contents, preview(list(paths.values()), [reader]), strict=True))
            for one in found.values():
                if not one.refused:
                    assert one.records["read"] == sum(one.records[name] for name in ("accepted", "rejected", "ignored"))
                    assert LeafReport.of(one.notes).balanced
            return found

        return _read

    return _reading


@pytest.fixture
def read(read_all: ReadAll) -> Callable[[str | bytes], Preview]:
    """Read one content with the format's ``read_all``."""
    return lambda content: read_all({"only": content})["only"]
