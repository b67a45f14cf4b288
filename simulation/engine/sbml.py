"""SBML files: read, check, name by content."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

MAX_BYTES = 64 << 20
_HARMLESS_PACKAGES = frozenset({"l3v2extendedmath", "layout", "render", "groups"})
"""Packages that change no equation, or whose functions `formula` knows."""


class BadModel(ValueError):
    """An SBML file that cannot be used; the message says where and why."""


class Unsupported(ValueError):
    """A valid SBML construct that an engine does not simulate; the message names it."""


@dataclass(frozen=True)
class Model:
    """An SBML document as text; ``sha256`` is its identity in every result."""

    text: str

    @cached_property
    def sha256(self) -> str:
        """sha256 of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @cached_property
    def document(self) -> Any:
        """The libsbml document; read once."""
        import libsbml

        document = libsbml.readSBMLFromString(self.text)
        errors = [
            document.getError(number)
            for number in range(document.getNumErrors())
            if document.getError(number).getSeverity() >= libsbml.LIBSBML_SEV_ERROR
            and not self._is_drawing(document.getError(number).getLine())
        ]
        if errors or document.getModel() is None:
            first = errors[0] if errors else None
            where = f"line {first.getLine()}: {first.getShortMessage()}" if first else "no model in the document"
            raise BadModel(f"not a usable SBML document, {where}")
        return document

    def _is_drawing(self, line: int) -> bool:
        """Whether a line says how the model is drawn: what is wrong there changes no result."""
        before = "\n".join(self.text.splitlines()[: line - 1])
        return before.count("<layout:listOfLayouts") > before.count("</layout:listOfLayouts>")

    @cached_property
    def flat(self) -> str:
        """The text with submodels (package ``comp``) written out into one model; itself where there are none.

        Raises:
            Unsupported: the submodels cannot be written out, for instance because they stand in other files.
        """
        import libsbml

        if self.document.getPlugin("comp") is None:
            return self.text
        copy = self.document.clone()
        properties = libsbml.ConversionProperties()
        properties.addOption("flatten comp", True)
        properties.addOption("performValidation", False)
        if copy.convert(properties) != libsbml.LIBSBML_OPERATION_SUCCESS:
            raise Unsupported("submodels that cannot be written out")
        return str(libsbml.writeSBMLToString(copy))


def load(path: Path) -> Model:
    """Read an SBML file.

    Raises:
        BadModel: not XML, not SBML, a document type declaration in it, or larger than 64 MiB.
    """
    if path.stat().st_size > MAX_BYTES:
        raise BadModel(f"{path.name} is larger than {MAX_BYTES >> 20} MiB")
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadModel(f"{path.name} is not UTF-8: byte {error.start}") from None
    return parse(text, path.name)


def parse(text: str, name: str = "the document") -> Model:
    """Take SBML text; refuses document type declarations, through which XML reads foreign files.

    Raises:
        BadModel: as in `load`.
    """
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise BadModel(f"{name} holds a document type declaration, which SBML does not need; remove it")
    if "<sbml" not in text:
        raise BadModel(f"{name} has no <sbml> element")
    model = Model(text)
    _ = model.document
    return model


def reported(model: Model) -> tuple[str, ...]:
    """What changes in a model and may be reported: species, and parameters under a rate rule or assignment."""
    found = parse(model.flat).document.getModel()
    ruled = [rule.getVariable() for rule in found.getListOfRules() if rule.isRate() or rule.isAssignment()]
    species = [one.getId() for one in found.getListOfSpecies() if not one.getConstant()]
    return tuple(dict.fromkeys([*species, *ruled]))


def plain(model: Model) -> Any:
    """A copy of the model in Level 3 with functions expanded and local parameters promoted (libsbml).

    Raises:
        Unsupported: a package or an older feature that changes equations.
    """
    import libsbml

    document = parse(model.flat).document.clone()
    for number in range(document.getNumPlugins()):
        package = document.getPlugin(number).getPackageName()
        if package not in _HARMLESS_PACKAGES and document.getPackageRequired(package):
            raise Unsupported(f"the SBML package {package!r}")
    if document.getLevel() < 3 and not document.setLevelAndVersion(3, 1, False):
        raise Unsupported(f"Level {document.getLevel()} Version {document.getVersion()} with features Level 3 lacks")
    for option in ("expandFunctionDefinitions", "promoteLocalParameters"):
        properties = libsbml.ConversionProperties()
        properties.addOption(option, True)
        if document.convert(properties) != libsbml.LIBSBML_OPERATION_SUCCESS:
            raise Unsupported(f"{option} failed")
    # The clone owns the model: keep it alive as long as the model is used.
    found = document.getModel()
    found._document = document
    return found
