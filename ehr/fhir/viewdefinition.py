"""The SQL-on-FHIR v2 ViewDefinition as a declared, validated thing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr, ValidationError, model_validator

from ehr.fhir.errors import CompileError

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Constant(_Part):
    """A named value, used as ``%name``. ``kind`` is the FHIR type behind ``value[x]``."""

    name: Name
    kind: str
    value: Any

    @model_validator(mode="before")
    @classmethod
    def _choice(cls, data: Any) -> Any:
        values = [key for key in data if key.startswith("value") and key != "value"] if isinstance(data, dict) else []
        if len(values) != 1:
            raise ValueError("a constant needs exactly one value[x], such as valueString")
        kind = values[0].removeprefix("value")
        return {"name": data.get("name"), "kind": kind[0].lower() + kind[1:], "value": data[values[0]]}


class Column(_Part):
    """One output column: a FHIRPath and a name; ``collection`` makes it a list."""

    name: Name
    path: StrictStr
    type: StrictStr | None = None
    collection: StrictBool = False
    description: str | None = None


class Select(_Part):
    """One node of the selection tree; its columns, nested selects and unions are combined as a cross product."""

    column: tuple[Column, ...] = ()
    select: tuple[Select, ...] = ()
    union_all: tuple[Select, ...] = Field(default=(), alias="unionAll")
    for_each: StrictStr | None = Field(default=None, alias="forEach")
    for_each_or_null: StrictStr | None = Field(default=None, alias="forEachOrNull")
    repeat: tuple[StrictStr, ...] = ()

    @model_validator(mode="after")
    def _one_iteration(self) -> Select:
        if sum(map(bool, (self.for_each is not None, self.for_each_or_null is not None, self.repeat))) > 1:
            raise ValueError("forEach, forEachOrNull and repeat exclude each other")
        if not (self.column or self.select or self.union_all):
            raise ValueError("a select needs column, select or unionAll")
        return self


class Where(_Part):
    """A filter on whole resources: a FHIRPath that is boolean."""

    path: StrictStr


class ViewDefinition(_Part):
    """A tabular projection of one resource type."""

    resource: Annotated[StrictStr, Field(min_length=1)]
    select: Annotated[tuple[Select, ...], Field(min_length=1)]
    name: str | None = None
    description: str | None = None
    constant: tuple[Constant, ...] = ()
    where: tuple[Where, ...] = ()


def load(view: dict[str, Any] | ViewDefinition | Path) -> ViewDefinition:
    """Validate a ViewDefinition given as a dict or a JSON file.

    Raises:
        CompileError: with the place of every problem.
    """
    if isinstance(view, ViewDefinition):
        return view
    if isinstance(view, Path):
        try:
            view = json.loads(view.read_text(encoding="utf-8"))
        except ValueError as error:
            raise CompileError(f"{view}: not JSON: {error}") from None
    try:
        return ViewDefinition.model_validate(view)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, one['loc'])) or 'view'}: {one['msg']}" for one in error.errors(include_input=False)
        )
        raise CompileError(f"not a valid ViewDefinition: {problems}") from None
