"""Times as HL7 writes them, in v2 (DTM) and CDA (TS) alike, in the ISO form that all of staging reads.

``2020``, ``202005``, ``20200503``, ``2020050310``, ``20200503101530.25+0200`` become ``2020``, ``2020-05``,
``2020-05-03``, ``2020-05-03T10:00:00``, ``2020-05-03T10:15:30.25+0200``. A time of the day without an offset
takes the one of its message or document (HL7 v2.5.1, 2.A.22). What is no such time gives
null; the text as written is kept beside it.
"""

from __future__ import annotations

import re

_DATE = re.compile(r"([0-9]{4})(?:([0-9]{2})([0-9]{2})?)?(?:[+-][0-9]{4})?")
_TIME = re.compile(
    r"([0-9]{4})([0-9]{2})([0-9]{2})([0-9]{2})(?:([0-9]{2})(?:([0-9]{2})(\.[0-9]+)?\.?)?)?([+-][0-9]{4})?"
)
_OFFSET = re.compile(r"[+-][0-9]{4}$")


def iso(text: str | None, zone_from: str | None) -> str | None:
    """The ISO form of one time; see the module."""
    if text is None:
        return None
    if date := _DATE.fullmatch(text):
        return "-".join(part for part in date.groups() if part)
    time = _TIME.fullmatch(text)
    if time is None:
        return None
    year, month, day, hour, minute, second, fraction, offset = time.groups()
    if offset is None:
        found = _OFFSET.search(zone_from or "")
        offset = found.group() if found and len(zone_from or "") > 9 else ""
    return f"{year}-{month}-{day}T{hour}:{minute or '00'}:{second or '00'}{fraction or ''}{offset}"


def iso_macro(name: str) -> str:
    """A statement that makes the same a DuckDB macro ``name(t, zone_from)``."""
    return rf"""create or replace temp macro {name}(t, zone_from) as case
        when t is null then null
        when regexp_full_match(t, '[0-9]{{4}}([0-9]{{2}}){{0,2}}([+-][0-9]{{4}})?')
        then rtrim(regexp_replace(t, '^([0-9]{{4}})([0-9]{{2}})?([0-9]{{2}})?.*$', '\1-\2-\3'), '-')
        when regexp_full_match(t, '[0-9]{{10}}([0-9]{{2}}([0-9]{{2}}(\.[0-9]*)?)?)?([+-][0-9]{{4}})?')
        then regexp_replace(
                rpad(regexp_extract(t, '^[0-9]+'), 14, '0'),
                '^([0-9]{{4}})([0-9]{{2}})([0-9]{{2}})([0-9]{{2}})([0-9]{{2}})([0-9]{{2}})$', '\1-\2-\3T\4:\5:\6'
            )
            || regexp_extract(t, '\.[0-9]+')
            || coalesce(
                nullif(regexp_extract(t, '[+-][0-9]{{4}}$'), ''),
                case when length(zone_from) > 9 then regexp_extract(zone_from, '[+-][0-9]{{4}}$') end,
                ''
            )
        end"""
