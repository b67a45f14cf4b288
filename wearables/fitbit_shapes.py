"""The shapes in which Fitbit delivers: which JSON path holds entries, and how an entry becomes a sample.

Web API: ``dev.fitbit.com/build/reference/web-api`` (intraday, sleep 1.2, HRV, breathing rate, SpO2, skin temperature,
body weight). Takeout: one JSON array per file and day or month, the kind only in the file's name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    """One list of entries in a document.

    Attributes:
        kind: what records are counted by.
        entries: JSON path of the list (``$`` for documents that are entries themselves).
        metric: metric of the value; empty when ``value_text`` decides it.
        value: SQL over ``e`` (the entry) giving the value as text.
        time: SQL over ``e`` and ``d`` (the document) giving the local date and time as text.
        seconds: SQL giving the length of the interval.
        unit: SQL giving the source unit, as documented by the vendor.
        source_type: device, daily_summary, self_reported.
        text: SQL giving a category.
        tz_source: what the times are.
        nested: JSON path of a list inside the entry; ``p`` is then the entry and ``e`` its element.
        skip: SQL condition under which an entry says "nothing measured" and is ignored.
    """

    kind: str
    entries: str
    metric: str
    value: str
    time: str
    seconds: str = "0"
    unit: str = "null"
    source_type: str = "device"
    text: str = "null"
    tz_source: str = "assumed_utc"
    nested: str = ""
    skip: str = "false"

    @property
    def key(self) -> str:
        """The document's key that the shape needs."""
        if self.entries == "$":
            return self.nested.removeprefix("$.").removesuffix("[*]") or "value"
        return self.entries.removeprefix("$.").removesuffix("[*]").removesuffix(".dataset").strip('"')


_DATE = "(e->>'$.dateTime')"
_DAY = "86400"
_MINUTE = "coalesce(try_cast((d->>'$.\"activities-{0}-intraday\".datasetInterval') as bigint), 1) * 60"

_SLEEP_LEVEL = """case (e->>'$.level')
    when 'wake' then 'awake' when 'awake' then 'awake' when 'restless' then 'awake' when 'asleep' then 'asleep'
    when 'light' then 'core' when 'deep' then 'deep' when 'rem' then 'rem' end"""
"""Fitbit's classic logs count restless minutes as not asleep (minutesAsleep excludes them)."""

# weight and BMI together tell the unit: weight / BMI is the square of the height, and only one of kg, lb, st makes
# that an adult's (1.42 to 2.1 m)
_HEIGHT_SQUARED = "try_cast((e->>'$.weight') as double) / try_cast((e->>'$.bmi') as double)"
_WEIGHT_UNIT = f"""case
    when try_cast((e->>'$.bmi') as double) > 0 then
        case
            when {_HEIGHT_SQUARED} between 2.0164 and 4.41 then 'kg'
            when {_HEIGHT_SQUARED} * 0.45359237 between 2.0164 and 4.41 then 'lb'
            when {_HEIGHT_SQUARED} * 6.35029318 between 2.0164 and 4.41 then 'st'
            else 'undeclared' end
    else {{otherwise}} end"""


def _intraday(name: str, metric: str, unit: str, *, instant: bool = False) -> list[Shape]:
    """Intraday list; the daily total beside it is the same data again and only kept when there is no intraday list."""
    key = f"activities-{name}"
    has_intraday = f"(d->'$.\"{key}-intraday\"') is not null"
    shapes = [
        Shape(
            f"{key}-intraday",
            f'$."{key}-intraday".dataset[*]',
            metric,
            "(e->>'$.value')",
            # an intraday request is for one day: the first entry of the daily list names it
            f"concat(d->>'$.\"{key}\"[0].dateTime', 'T', (e->>'$.time'))",
            "0" if instant else _MINUTE.format(name),
            unit,
        )
    ]
    if not instant:
        shapes.append(
            Shape(
                key, f'$."{key}"[*]', metric, "(e->>'$.value')", _DATE, _DAY, unit, "daily_summary", skip=has_intraday
            )
        )
    return shapes


API: tuple[Shape, ...] = (
    *_intraday("steps", "step_count", "'count'"),
    *_intraday("calories", "total_energy", "'kcal'"),
    *_intraday("floors", "flights_climbed", "'count'"),
    *_intraday("heart", "heart_rate", "'bpm'", instant=True),
    Shape(
        "activities-heart",
        '$."activities-heart"[*]',
        "resting_heart_rate",
        "(e->>'$.value.restingHeartRate')",
        _DATE,
        _DAY,
        "'bpm'",
        "daily_summary",
        skip="(e->>'$.value.restingHeartRate') is null",
    ),
    Shape(
        "sleep",
        "$.sleep[*]",
        "sleep_stage",
        "null",
        "(e->>'$.dateTime')",
        "try_cast((e->>'$.seconds') as bigint)",
        text=_SLEEP_LEVEL,
        nested="$.levels.data[*]",
    ),
    Shape(
        "sleep.short",
        "$.sleep[*]",
        "sleep_stage",
        "null",
        "(e->>'$.dateTime')",
        "try_cast((e->>'$.seconds') as bigint)",
        text=_SLEEP_LEVEL,
        nested="$.levels.shortData[*]",
    ),
    Shape(
        "hrv",
        "$.hrv[*]",
        "hrv_rmssd",
        "(e->>'$.value.dailyRmssd')",
        _DATE,
        _DAY,
        "'ms'",
        "daily_summary",
        skip="(e->'$.minutes') is not null",
    ),
    Shape("hrv.minutes", "$.hrv[*]", "hrv_rmssd", "(e->>'$.value.rmssd')", "(e->>'$.minute')", "300", "'ms'",
          nested="$.minutes[*]"),
    Shape(
        "br",
        "$.br[*]",
        "respiratory_rate",
        "coalesce(e->>'$.value.breathingRate', (e->>'$.value.fullSleepSummary.breathingRate'))",
        _DATE,
        _DAY,
        "'brpm'",
        "daily_summary",
    ),
    Shape(
        "tempSkin",
        "$.tempSkin[*]",
        "skin_temperature_deviation",
        "(e->>'$.value.nightlyRelative')",
        _DATE,
        _DAY,
        "'degC'",  # the Web API default; an Accept-Language of en_US would give degF differences
        "daily_summary",
    ),
    Shape(
        "weight",
        "$.weight[*]",
        "body_weight",
        "(e->>'$.weight')",
        "concat(e->>'$.date', 'T', coalesce(e->>'$.time', '12:00:00'))",
        unit=_WEIGHT_UNIT.format(otherwise="'kg'"),  # the Web API default is metric
        source_type="self_reported",
    ),
    Shape("spo2.minutes", "$", "oxygen_saturation", "(e->>'$.value')", "(e->>'$.minute')", "60", "'%'",
          nested="$.minutes[*]"),
    Shape("spo2", "$", "oxygen_saturation", "(e->>'$.value.avg')", _DATE, _DAY, "'%'", "daily_summary",
          skip="(e->'$.value.avg') is null"),
)  # fmt: skip

TAKEOUT_CLOCK = "%m/%d/%y %H:%M:%S"
_TAKEOUT_TIME = f"strftime(try_strptime(e->>'$.dateTime', '{TAKEOUT_CLOCK}'), '%Y-%m-%dT%H:%M:%S')"
"""Takeout writes month/day/year whatever the user's locale."""

TAKEOUT: dict[str, tuple[Shape, ...]] = {
    "heart_rate": (
        Shape("heart_rate", "$", "heart_rate", "(e->>'$.value.bpm')", _TAKEOUT_TIME, "0", "'bpm'",
              tz_source="vendor_utc"),
    ),
    "resting_heart_rate": (
        Shape("resting_heart_rate", "$", "resting_heart_rate", "(e->>'$.value.value')", _TAKEOUT_TIME, _DAY, "'bpm'",
              "daily_summary", skip="coalesce(try_cast((e->>'$.value.value') as double), 0) = 0"),
    ),
    "steps": (
        Shape("steps", "$", "step_count", "(e->>'$.value')", _TAKEOUT_TIME, "60", "'count'", tz_source="vendor_utc"),
    ),
    "calories": (
        Shape("calories", "$", "total_energy", "(e->>'$.value')", _TAKEOUT_TIME, "60", "'kcal'",
              tz_source="vendor_utc"),
    ),
    "distance": (
        Shape("distance", "$", "distance", "(e->>'$.value')", _TAKEOUT_TIME, "60", "'cm'", tz_source="vendor_utc"),
    ),
    "sleep": tuple(
        Shape(f"sleep{suffix}", "$", "sleep_stage", "null", "(e->>'$.dateTime')",
              "try_cast((e->>'$.seconds') as bigint)", text=_SLEEP_LEVEL, nested=f"$.levels.{part}[*]")
        for suffix, part in (("", "data"), (".short", "shortData"))
    ),
    "weight": (
        Shape("weight", "$", "body_weight", "(e->>'$.weight')",
              "strftime(try_strptime(concat(e->>'$.date', ' ', (e->>'$.time')), '%m/%d/%y %H:%M:%S'),"
              " '%Y-%m-%dT%H:%M:%S')",
              unit=_WEIGHT_UNIT.format(otherwise="'undeclared'"), source_type="self_reported"),
    ),
}  # fmt: skip

TYPED = {
    "heart_rate": ("struct(bpm double)", "e.value.bpm"),
    "steps": ("varchar", "e.value"),
    "calories": ("varchar", "e.value"),
    "distance": ("varchar", "e.value"),
}
"""Kinds of Takeout with one reading an entry: the type of ``value``, and the reading in it."""

TAKEOUT_NAME = re.compile(rf"({'|'.join(sorted(TAKEOUT, key=len, reverse=True))})-\d{{4}}-\d{{2}}-\d{{2}}\.json")

API_SIGNATURE = re.compile(
    r'"activities-(?:steps|heart|calories|floors)"\s*:\s*\[|"dateOfSleep"\s*:|"(?:dailyRmssd|rmssd)"\s*:'
    r'|"br"\s*:\s*\[|"nightlyRelative"\s*:|"weight"\s*:\s*\[|"minute"\s*:\s*"\d{4}-'
    r'|"value"\s*:\s*\{\s*"(?:avg|min|max)"\s*:|"offsetFromUTCMillis"\s*:|"user"\s*:\s*\{'
    r'|"(?:sleep|hrv|tempSkin)"\s*:\s*\['
)
