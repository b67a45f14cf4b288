"""Generate ``types.json``: FHIR element types and cardinalities, one line per type. Run by hand, never at runtime.

    python -m venv env && env/bin/pip install fhir.resources==8.3.0 && env/bin/python ehr/fhir/generate_types.py

Source: the R4B (4.3.0) models of ``fhir.resources``, generated there from HL7's published definitions. R4B equals
R4 (4.0.1) in the resource types that are staged here. An element is ``"Type"`` or ``"Type*"`` when it repeats; a choice
element ``value[x]`` lists its types.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import pkgutil
import re
from pathlib import Path
from typing import Any

TARGET = Path(__file__).with_name("types.json")
PRIMITIVES = {"bool": "boolean", "UuidVersion": "uuid", "Xhtml object": "xhtml"}
INHERITED_FROM_PYTHON = {"fhir_comments", "resource_type"}


def element_type(annotation: object) -> str:
    """Return the FHIR type of a field annotation, with ``*`` when it repeats."""
    text = repr(annotation)
    repeats = "*" if "List[" in text else ""
    complex_type = re.search(r"abc\.(\w+?)Type\b", text)
    if complex_type:
        return complex_type.group(1) + repeats
    name = re.findall(r"\b([A-Z]\w*)\((?=[^()]*\))|\b(bool)\b|(Xhtml object)", text)[-1]
    name = next(part for part in name if part)
    return PRIMITIVES.get(name, name[0].lower() + name[1:]) + repeats


def elements(model: Any) -> dict[str, str | list[str]]:
    """Return the elements of one model class; choice elements are gathered under ``name[x]``."""
    found: dict[str, str | list[str]] = {}
    for field_name, field in model.model_fields.items():
        name = field.alias or field_name
        if name.startswith("_") or field_name in INHERITED_FROM_PYTHON:
            continue
        kind = element_type(field.annotation)
        choice = (field.json_schema_extra or {}).get("one_of_many")
        if choice:
            found.setdefault(f"{choice}[x]", []).append(kind)  # type: ignore[union-attr]
        else:
            found[name] = kind
    return found


def main() -> None:
    """Write the table."""
    package = importlib.import_module("fhir.resources.R4B")
    types: dict[str, dict[str, str | list[str]]] = {}
    for module in pkgutil.iter_modules(package.__path__):
        if module.name.startswith(("fhirtypes", "tests")) or module.ispkg:
            continue
        loaded = importlib.import_module(f"fhir.resources.R4B.{module.name}")
        for name, model in vars(loaded).items():
            own = isinstance(model, type) and model.__module__ == loaded.__name__
            if own and hasattr(model, "model_fields"):
                types[name] = elements(model)
    version = importlib.metadata.version("fhir.resources")
    lines = ",\n".join(
        f'"{name}":{json.dumps(types[name], separators=(",", ":"))}' for name in sorted(types) if types[name]
    )
    TARGET.write_text(
        f'{{"source":"fhir.resources {version}, R4B (FHIR 4.3.0)","types":{{\n{lines}\n}}}}\n', encoding="utf-8"
    )


if __name__ == "__main__":
    main()
