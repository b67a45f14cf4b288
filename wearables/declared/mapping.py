"""What a declared device format is: pydantic models of the YAML files, and nothing that runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from wearables.metrics import METRICS

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_KINDS = {one.name: one.kind for one in METRICS}
SOURCE_TYPES = ("watch", "phone", "device", "cgm", "app", "daily_summary", "self_reported")


class MappingError(ValueError):
    """A mapping file is wrong; the message names the file, the field and what was expected."""


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str | int | float) else value


def _texts(value: object) -> object:
    """YAML reads unquoted codes as numbers; files have text."""
    if isinstance(value, dict):
        return {str(key): one for key, one in value.items()}
    return [str(one) for one in value] if isinstance(value, list) else value


Names = Annotated[list[str], BeforeValidator(_as_list)]
Codes = Annotated[list[str], BeforeValidator(lambda value: _texts(_as_list(value)))]


class _Declared(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: object) -> object:
        """A bare name is short for ``{from: name}``, a bare number for ``{constant: number}``."""
        if isinstance(value, str) and "names" in cls.model_fields:
            return {"from": value}
        return {"constant": value} if isinstance(value, int | float) else value


class Text(_Declared):
    """A text out of a field, through a table of its codes, or the same everywhere."""

    names: Names = Field(default_factory=list, alias="from", description="Fields; the first that is there is used.")
    values: Annotated[dict[str, str | None], BeforeValidator(_texts)] = Field(
        default_factory=dict, description="What the source's codes mean; others are unknown."
    )
    constant: str | None = None


class Moment(_Declared):
    """When: a field, and how time is written in it."""

    names: Names = Field(alias="from", min_length=1)
    form: Literal["iso", "compact", "text", "day_or_month", "epoch_s", "epoch_ms", "epoch_ns", "local_epoch_s"] = Field(
        default="iso",
        description="`iso` with or without offset; `compact` is 20240131T080500+0100; `text` by `formats`;"
        " `day_or_month` is 31/01/2024 08:05 in the order that the file proves; `local_epoch_s` counts"
        " on local clocks.",
    )
    formats: Names = Field(default_factory=list, description="strptime formats of `text`, tried in turn.")
    joined: bool = Field(default=False, description="The fields are date and time of one moment.")


class Length(_Declared):
    """How long: a field, or so many of a unit."""

    names: Names = Field(default_factory=list, alias="from")
    constant: float | None = None
    unit: Literal["s", "ms", "min", "h"] = "s"


class Each(_Declared):
    """A record that holds many readings in a row: one sample for each, one after the other."""

    items: str | None = Field(default=None, description="JSON list of readings; `[3,5]` in a CSV cell too.")
    letters: str | None = Field(default=None, description="Field whose every letter is a reading.")
    columns: Names = Field(default_factory=list, description="Columns in their order; `Steps{00..59}` is short for 60.")
    every: Length | None = Field(default=None, description="From one reading to the next.")
    lasting: str | None = Field(default=None, description="JSON list of seconds, as long as `items`.")
    start: Moment | None = Field(default=None, description="When the first one was; default: the part's start.")

    @model_validator(mode="after")
    def _one_form(self) -> Each:
        if sum((self.items is not None, self.letters is not None, bool(self.columns))) != 1:
            raise ValueError("give one of `items`, `letters`, `columns`")
        if (self.every is None) == (self.lasting is None):
            raise ValueError("give one of `every`, `lasting`")
        return self


class Measure(_Declared):
    """A metric and where it stands."""

    metric: str
    names: Names = Field(default_factory=list, alias="from", description="Default for readings of `each`: the reading.")
    sum: Names = Field(default_factory=list, description="Fields that are added up; absent ones count nothing.")
    unit: Text = Field(default_factory=Text, description="The source's unit; the dictionary of metrics must know it.")
    values: Annotated[dict[str, str | None], BeforeValidator(_texts)] = Field(
        default_factory=dict, description="Categories by the source's codes; a code that is null is ignored."
    )
    exponent: str | None = Field(default=None, description="Field with the power of ten that the value is times.")
    missing: Codes = Field(default_factory=list, description="Values that mean: not measured.")
    below: str | None = Field(default=None, description="Text of readings below the range, kept as censored.")
    above: str | None = Field(default=None, description="Text of readings above the range, kept as censored.")
    limits: tuple[float, float] | None = Field(default=None, description="Values of `below` and `above`.")
    when: dict[str, Codes] = Field(default_factory=dict, description="Fields and what one of must stand in them.")
    source_type: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _unit_text(cls, value: object) -> object:
        if isinstance(value, dict) and isinstance(value.get("unit"), str):
            return {**value, "unit": {"constant": value["unit"]}}
        return value

    @model_validator(mode="after")
    def _known(self) -> Measure:
        if self.metric not in _KINDS:
            raise ValueError(f"{self.metric!r} is not in the dictionary of metrics (wearables/metrics.py)")
        if self.is_category and not self.values:
            raise ValueError(f"{self.metric} is a category: `values` must say what the codes mean")
        if not self.is_category and self.unit == Text():
            raise ValueError(f"{self.metric} needs a unit; units are never guessed")
        if (self.below or self.above) and self.limits is None:
            raise ValueError("`below` and `above` need `limits`")
        if self.source_type is not None and self.source_type not in SOURCE_TYPES:
            raise ValueError(f"source_type is one of {', '.join(SOURCE_TYPES)}")
        return self

    @property
    def is_category(self) -> bool:
        """The value is a word."""
        return _KINDS[self.metric] == "category"


class Workout(_Declared):
    """A session: what was done and how much of it."""

    activity: Text
    distance: Measure | None = None
    energy: Measure | None = None


class Part(_Declared):
    """Readings of one time frame within a record."""

    has: Names = Field(default_factory=list, description="Fields without which this part is not meant.")
    when: dict[str, Codes] = Field(default_factory=dict, description="Fields and what one of must stand in them.")
    start: Moment
    end: Moment | None = None
    lasts: Length | None = None
    until_next: bool = Field(default=False, description="A reading lasts until the next one of the same parent.")
    each: Each | None = None
    measures: list[Measure] = Field(default_factory=list)
    workout: Workout | None = None

    @model_validator(mode="after")
    def _one_end(self) -> Part:
        if sum((self.end is not None, self.lasts is not None, self.until_next)) > 1 and not self.until_next:
            raise ValueError("give one of `end`, `lasts`, `until_next`")
        if bool(self.measures) == (self.workout is not None):
            raise ValueError("a part gives `measures` or a `workout`")
        return self


class Mapping(_Declared):
    """One kind of file.

    Fields of JSON are paths within an entry (``score.steps``, ``value[0].fpVal``); ``$.`` goes from the document's
    root,
    ``..`` from the entry that holds the list, ``@key`` is the name that a keyed entry stands under.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    description: str = Field(min_length=5, description="First sentence: what the file is.")
    app: str = Field(description="What `source_app` says.")
    header: Names = Field(default_factory=list, description="CSV: columns that identify the file; all must be there.")
    lacks: Names = Field(default_factory=list, description="CSV: columns that another kind of file has.")
    files: Names = Field(default_factory=list, description="File name patterns (fnmatch, lower case); one must fit.")
    signature: str | None = Field(default=None, description="JSON: regular expression that the file's head must have.")
    entries: str = Field(default="$", description="JSON: path of the list whose elements are records.")
    inner: str | None = Field(default=None, description="JSON: path of a list within each; its elements are records.")
    keyed: bool = Field(default=False, description="JSON: `entries` is an object whose members are the records.")
    offset: Text | None = Field(default=None, description="Local time's offset from UTC: +02:00, UTC-04:00, -0800, -8.")
    zone: Text | None = Field(default=None, description="IANA zone of local times.")
    decimal: Literal[".", ","] = Field(default=".", description="Decimal sign of numbers.")
    is_utc: bool = Field(default=False, description="Times without offset are UTC, not local.")
    person: str | None = Field(default=None, description="Field that tells people apart, for files of several.")
    device: Text | None = None
    model: Text | None = None
    recorded: Moment | None = Field(default=None, description="When the source stored it.")
    source_type: Literal["watch", "phone", "device", "cgm", "app", "daily_summary", "self_reported"] = "device"
    parts: list[Part] = Field(min_length=1)

    @model_validator(mode="after")
    def _recognisable(self) -> Mapping:
        if bool(self.header) == (self.signature is not None):
            raise ValueError("give `header` for CSV or `signature` for JSON")
        if self.header and (self.entries != "$" or self.inner or self.keyed):
            raise ValueError("`entries`, `inner` and `keyed` are for JSON")
        return self

    @property
    def is_csv(self) -> bool:
        """Lines with a header, else JSON."""
        return bool(self.header)


def load(path: Path) -> list[Mapping]:
    """Read one YAML file: a list of mappings.

    Raises:
        MappingError: naming the file, the field and what was expected.
    """
    try:
        content = yaml.load(path.read_text("utf-8"), Loader=_LOADER)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise MappingError(f"{path.name}: not readable as YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, list):
        raise MappingError(
            f"{path.name}: expected a list of mappings, each with name, description, header or signature"
        )
    found = []
    for number, one in enumerate(content, 1):
        try:
            found.append(Mapping.model_validate(one))
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(step) for step in first["loc"])
            name = one.get("name", f"mapping {number}") if isinstance(one, dict) else f"mapping {number}"
            raise MappingError(f"{path.name}: {name}: {place or 'it'}: {first['msg']}") from None
    return found
