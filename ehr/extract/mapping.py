"""What a mapping is: pydantic models of the YAML files, and nothing that runs."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pyarrow as pa
import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from lake.tables import UTC_TIME, Table

Type = Literal["string", "integer", "number", "boolean", "date", "timestamp"]

ARROW_TYPES: dict[Type, pa.DataType] = {
    "string": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": UTC_TIME,
}


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class MappingError(ValueError):
    """A mapping file is wrong; the message names the file, the field and what was expected."""


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


Strings = Annotated[list[str], BeforeValidator(_as_list)]


def _known_zone(value: str | None) -> str | None:
    if value is not None:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"{value!r} is not an IANA time zone such as Europe/Berlin") from None
    return value


class Column(BaseModel):
    """One target column: where its text comes from and how the text becomes a value."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    to: str = Field(description="Column of the target table.")
    names: Strings = Field(
        default_factory=list,
        alias="from",
        description="Header names, case-insensitive; the first one present is used. Default: the target's name.",
    )
    concat: Strings = Field(default_factory=list, description="Header names whose texts are joined, nulls skipped.")
    separator: str = Field(default=" ", description="Between the texts of `concat`.")
    coalesce: Strings = Field(
        default_factory=list, description="Header names; in each row the first one present that is not null is used."
    )
    constant: str | int | float | bool | None = Field(default=None, description="The same value in every row.")
    type: Type | None = Field(default=None, description="Default: the type of the target column, else string.")
    required: bool = Field(default=False, description="The value must not be null; rows without it are rejected.")
    optional: bool = Field(default=False, description="The file may lack the column; the value is then null.")
    formats: Strings = Field(default_factory=list, description="strptime formats of dates and times; default ISO 8601.")
    zone: str | None = Field(default=None, description="IANA zone of local times without offset.")
    date_only: Literal["start", "end", "reject"] | None = Field(
        default=None,
        description="What a date without a time means in a timestamp: the day's first or the next day's first instant."
        " Default: end for the `known_at` column (never known too early), start for others.",
    )
    nulls: Strings | None = Field(default=None, description="Texts that mean null, instead of the mapping's.")
    part: Literal["comparator", "number", "low", "high"] | None = Field(
        default=None,
        description="A part of the text: `<5` has comparator `<` and number 5, `3.5-5.1` has low 3.5 and high 5.1.",
    )
    decimal: Literal[".", ","] = Field(default=".", description="Decimal sign of numbers.")
    values: dict[str, str | int | float | bool | None] = Field(
        default_factory=dict, description="Source text (case-insensitive) to value."
    )
    present: str | None = Field(
        default=None, description="The value wherever the source has a text, instead of the text."
    )
    absent: str | None = Field(default=None, description="The value wherever the source has none.")
    unlisted: Literal["keep", "null", "reject"] = Field(
        default="keep", description="Texts that `values` does not list."
    )
    invalid: Literal["reject", "null"] = Field(
        default="reject",
        description="What a text that is not of the type does to the row; null needs the text kept elsewhere.",
    )
    otherwise: Column | None = Field(
        default=None, description="What feeds the column where the file lacks `from`; other names, other part, …"
    )
    description: str | None = None

    @field_validator("values", mode="before")
    @classmethod
    def _text_keys(cls, value: object) -> object:
        """YAML reads unquoted 1, yes and no as numbers and booleans; the file has text."""
        if not isinstance(value, dict):
            return value
        spelled = {True: "yes", False: "no"}
        return {spelled[k] if isinstance(k, bool) else str(k): v for k, v in value.items()}

    _zone_exists = field_validator("zone")(_known_zone)

    @model_validator(mode="before")
    @classmethod
    def _same_target(cls, value: object) -> object:
        """`otherwise` is written without `to`."""
        if isinstance(value, dict) and isinstance(value.get("otherwise"), dict):
            return {**value, "otherwise": {"to": value.get("to"), **value["otherwise"]}}
        return value

    @model_validator(mode="after")
    def _one_origin(self) -> Column:
        origins = (self.names, self.concat, self.coalesce, self.constant is not None)
        if sum(map(bool, origins)) > 1:
            raise ValueError("give one of `from`, `coalesce`, `concat`, `constant`")
        if not any(origins):
            self.names = [self.to]
        if self.required and self.optional:
            raise ValueError("a required column cannot be optional")
        return self


class Semantics(BaseModel):
    """What columns mean, by target name; kept with the table for those who stage it."""

    model_config = ConfigDict(extra="forbid")

    person: str | None = Field(default=None, description="Key of the person in the source.")
    event_at: str | None = Field(default=None, description="When it was true.")
    event_end_at: str | None = None
    known_at: str | None = Field(default=None, description="When the source first had it.")
    code_system: str | None = Field(
        default=None, description="Code system of the code column, where it is one for all."
    )


class Mapping(BaseModel):
    """One kind of extract."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    description: str = Field(min_length=10, description="First sentence: what one row is.")
    format: str = Field(default="extract", description="Format name that landed files of this mapping get.")
    files: Strings = Field(
        default_factory=list, description="File name patterns (fnmatch, lower case, without .gz or .zst)."
    )
    sources: Strings = Field(
        default_factory=list,
        description="Only for files of these sources (folders under landing; fnmatch); default all.",
    )
    header: Strings = Field(
        default_factory=list,
        description="Columns that identify the extract whatever the file's name; all must be present.",
    )
    table: str = Field(
        pattern=r"^[a-z][a-z0-9_]*$", description="Raw table; declared by the columns if it is a new one."
    )
    delimiter: Literal["auto", ",", ";", "\t", "|"] = "auto"
    encoding: Literal["utf-8", "latin-1", "cp1252"] = "utf-8"
    zone: str = Field(default="UTC", description="IANA zone of local times without offset.")
    nulls: Strings = Field(default_factory=lambda: [""])
    trim: bool = Field(default=False, description="Remove blanks around every text.")
    max_line_bytes: int = Field(default=8 << 20, ge=1 << 10, le=256 << 20, description="Longer records are rejected.")
    columns: list[Column] = Field(min_length=1)
    semantics: Semantics = Field(default_factory=Semantics)

    @field_validator("columns", mode="before")
    @classmethod
    def _short_form(cls, value: object) -> object:
        """`{subject_id: integer!, hadm_id: integer?}` is short for a list; `!` means required, `?` optional."""
        if not isinstance(value, dict):
            return value
        columns: list[object] = []
        for to, spec in value.items():
            if isinstance(spec, str):
                mark = {"required": spec.endswith("!"), "optional": spec.endswith("?")}
                columns.append({"to": to, "type": spec.rstrip("!?"), **mark})
            else:
                columns.append({"to": to, **(spec or {})})
        return columns

    _zone_exists = field_validator("zone")(_known_zone)

    @model_validator(mode="after")
    def _consistent(self) -> Mapping:
        targets = [column.to for column in self.columns]
        if twice := sorted({name for name in targets if targets.count(name) > 1}):
            raise ValueError(f"columns mapped twice: {', '.join(twice)}")
        if not self.files and not self.header:
            raise ValueError("give `files` patterns, a `header` signature, or both")
        for role in ("person", "event_at", "event_end_at", "known_at"):
            name = getattr(self.semantics, role)
            if name is not None and name not in targets:
                raise ValueError(f"semantics.{role} names {name!r}, which no column feeds")
        if all(column.constant is not None for column in self.columns):
            raise ValueError("all columns are constant, none reads the file")
        for column in self.columns:
            if column.date_only is None:
                column.date_only = "end" if column.to == self.semantics.known_at else "start"
        return self


def table_of(mapping: Mapping, existing: dict[str, Table]) -> Table:
    """Return the target table: an existing one, checked against the mapping, or one declared by its columns.

    Raises:
        MappingError: the mapping feeds a column that the table does not have, or with another type.
    """
    table = existing.get(mapping.table)
    if table is None:
        fields = [pa.field("record_no", pa.int64())]
        fields += [pa.field(column.to, ARROW_TYPES[column.type or "string"]) for column in mapping.columns]
        return Table(mapping.table, mapping.description, pa.schema(fields))
    for column in mapping.columns:
        if column.to == "record_no" or column.to not in table.schema.names:
            raise MappingError(f"mapping {mapping.name}: table {table.name} has no column {column.to!r} to feed")
        kind = table.schema.field(column.to).type
        if column.type is not None and ARROW_TYPES[column.type] != kind:
            raise MappingError(f"mapping {mapping.name}: {table.name}.{column.to} is {kind}, not {column.type}")
    return table


def type_of(column: Column, table: Table) -> Type:
    """The declared type, or the one that the table's column asks for."""
    kind = table.schema.field(column.to).type
    return next(name for name, arrow in ARROW_TYPES.items() if arrow == kind)


def load(path: Path) -> list[Mapping]:
    """Read one YAML file: a mapping, or ``mappings:`` (a list) with optional ``defaults:`` that each of them gets.

    Raises:
        MappingError: naming the file, the field and what was expected.
    """
    try:
        content: Any = yaml.load(path.read_text("utf-8"), Loader=_LOADER)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise MappingError(f"{path.name}: not readable as YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise MappingError(f"{path.name}: expected a mapping with name, description, table, columns")
    several = "mappings" in content
    defaults = content.get("defaults", {}) if several else {}
    found = []
    listed = content["mappings"] if several else [content]
    if not isinstance(listed, list) or not isinstance(defaults, dict):
        raise MappingError(f"{path.name}: `mappings` must be a list, `defaults` a mapping")
    for one in listed:
        try:
            found.append(Mapping.model_validate({**defaults, **one}))
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(step) for step in first["loc"])
            name = one.get("name", "?") if isinstance(one, dict) else "?"
            problem = _unknown_key(first["loc"]) if first["type"] == "extra_forbidden" else first["msg"]
            raise MappingError(f"{path.name}: mapping {name}: {place or 'it'}: {problem}") from None
        except TypeError:
            raise MappingError(f"{path.name}: `mappings` must be a list of mappings") from None
    return found


def _unknown_key(place: tuple[int | str, ...]) -> str:
    """What may stand in the place of a key that is not known."""
    model = Semantics if place[0] == "semantics" else Column if len(place) > 1 else Mapping
    known = [one.alias or name for name, one in model.model_fields.items()]
    near = get_close_matches(str(place[-1]), known, 1)
    return f"no such key{f', did you mean {near[0]}?' if near else ''}; there are {', '.join(known)}"
