"""FHIR Bundles taken apart: each entry's resource as the text it is written in, so that decimals keep their form."""

from __future__ import annotations

import json
from collections.abc import Iterator
from json.decoder import scanstring  # type: ignore[attr-defined]

_DECODER = json.JSONDecoder(strict=False)
_SPACE = " \t\r\n"


def entries(bundle: str) -> Iterator[tuple[int, str | None]]:
    """Yield (ordinal, resource text on one line) of each entry of a Bundle.

    An entry without a resource that asks for a deletion comes as a Bundle of that one entry, others as ``None``.

    Raises:
        ValueError: the text is not JSON, or ``entry`` is not a list of objects.
    """
    parts = dict(_members(bundle, _skip(bundle, 0)))
    meta = parts.get("meta", "null")
    time = parts.get("timestamp", "null")
    for ordinal, entry in enumerate(_items(parts.get("entry", "[]")), start=1):
        inside = dict(_members(entry, 0))
        if (resource := inside.get("resource")) is not None:
            yield ordinal, _one_line(resource)
        elif "DELETE" in inside.get("request", ""):
            request = inside["request"]
            text = f'{{"resourceType":"Bundle","meta":{meta},"timestamp":{time},"entry":[{{"request":{request}}}]}}'
            yield ordinal, _one_line(text)
        else:
            yield ordinal, None


def _one_line(text: str) -> str:
    """JSON strings hold no raw line ends, so those between tokens may become blanks."""
    return text.replace("\r", " ").replace("\n", " ")


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _SPACE:
        at += 1
    return at


def _expect(text: str, at: int, symbols: str) -> str:
    if at >= len(text) or text[at] not in symbols:
        raise ValueError(f"expected one of {symbols!r} at character {at + 1}")
    return text[at]


def _members(text: str, at: int) -> Iterator[tuple[str, str]]:
    """The members of the object that starts at ``at``: key and the text of the value."""
    _expect(text, at, "{")
    at = _skip(text, at + 1)
    if text[at : at + 1] == "}":
        return
    while True:
        _expect(text, at, '"')
        key, at = scanstring(text, at + 1)
        at = _skip(text, at)
        _expect(text, at, ":")
        start = _skip(text, at + 1)
        _, end = _DECODER.raw_decode(text, start)
        yield key, text[start:end]
        at = _skip(text, end)
        if _expect(text, at, ",}") == "}":
            return
        at = _skip(text, at + 1)


def _items(text: str) -> Iterator[str]:
    """The items of a list, as text."""
    _expect(text, 0, "[")
    at = _skip(text, 1)
    if text[at : at + 1] == "]":
        return
    while True:
        _, end = _DECODER.raw_decode(text, at)
        yield text[at:end]
        at = _skip(text, end)
        if _expect(text, at, ",]") == "]":
            return
        at = _skip(text, at + 1)
