"""Open mHealth and IEEE 1752.1 documents against their own JSON schemas.

The schemas are not part of the project: a site puts the published folders (openmhealth/schemas, IEEE 1752) into one
place. References between them are resolved there, never over the network; ``name-1.x.json`` is the newest 1.y, as the
publishers' own symbolic links have it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson

BASE = "https://w3id.org/openmhealth/schemas"
IEEE_BASE = "https://w3id.org/ieee/ieee-1752-schema"
_FILE = re.compile(r"(?:(?P<prefix>omh|ieee|granola)_)?(?P<name>[a-z0-9-]+?)[-_](?P<version>[0-9]+[.-][0-9x]+)\.json")
_DATE_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:(?P<second>[0-9]{2})([.][0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)


class NoSchemas(Exception):
    """There are no schemas where they were looked for."""


class UnknownSchema(ValueError):
    """No schema of this name and version is at hand."""


@dataclass(frozen=True)
class Problem:
    """One way in which a document breaks its schema; it speaks of the schema's demand, never of the document's values.

    Attributes:
        place: JSON path within the document.
        demand: the schema's keyword and what it demands.
    """

    place: str
    demand: str


@dataclass(frozen=True)
class Verdict:
    """What a document is: ``schema`` is null where it names none, then ``problems`` says so."""

    schema: str | None
    problems: tuple[Problem, ...]

    @property
    def is_valid(self) -> bool:
        """The document keeps its schema."""
        return not self.problems


class Schemas:
    """The schemas of a folder, by name.

    Args:
        folders: searched with everything below; documents of tests are told from schemas by ``$schema``.

    Raises:
        NoSchemas: none of them holds a schema.
    """

    def __init__(self, *folders: Path) -> None:
        self._contents: dict[str, Any] = {}
        self._validators: dict[str, Any] = {}
        self._found: dict[str, str | None] = {}
        for folder in folders:
            for path in sorted(folder.rglob("*.json")):
                self._add(path)
        if not self._contents:
            raise NoSchemas(f"no JSON schemas below {', '.join(map(str, folders))}")

    def _add(self, path: Path) -> None:
        matched = _FILE.fullmatch(path.name)
        if matched is None:
            return
        contents = orjson.loads(path.read_bytes())
        if not isinstance(contents, dict) or not {"$schema", "type", "$ref", "allOf", "oneOf", "anyOf"} & set(contents):
            return
        if "$schema" not in contents:
            return
        folder = matched["prefix"] or ("granola" if path.parent.name == "granola" else "omh")
        is_ieee = "/ieee-1752-schema/" in contents.get("$id", "") or matched["prefix"] == "ieee"
        version = matched["version"].replace("-", ".")
        base = IEEE_BASE if is_ieee else f"{BASE}/{folder}"
        uri = f"{base}/{matched['name']}-{version}.json"
        # the identifier is the file's address here: published ones leave the version out, or are of another copy
        self._contents.setdefault(uri, {key: value for key, value in contents.items() if key not in ("$id", "id")})

    @cached_property
    def names(self) -> list[str]:
        """Every schema as ``namespace:name:version``."""
        found = []
        for uri in self._contents:
            folder, file = uri.rsplit("/", 2)[-2:]
            name, version = file.removesuffix(".json").rsplit("-", 1)
            found.append(f"{'ieee' if folder == 'ieee-1752-schema' else folder}:{name}:{version}")
        return sorted(found)

    def uri(self, name: str) -> str:
        """The address of ``namespace:name:version``; a version such as ``2.x``, or none, means the newest.

        Raises:
            UnknownSchema: there is none.
        """
        namespace, rest = name.split(":", 1) if ":" in name else ("omh", name)
        schema, _, version = rest.partition(":")
        base = IEEE_BASE if namespace == "ieee" else f"{BASE}/{namespace}"
        major = f"{version.removesuffix('.x')}." if version.endswith(".x") else ""
        wanted = f"{base}/{schema}-{version}.json"
        found = wanted if wanted in self._contents else None
        if found is None and (major or not version):
            found = self._newest(f"{base}/{schema}-{major}")
        if found is None:
            raise UnknownSchema(f"no schema {name!r} among the {len(self._contents)} at hand")
        return found

    def check(self, document: Any, name: str) -> Verdict:
        """Hold a document against a schema.

        Raises:
            UnknownSchema: the schema, or one that it refers to, is not at hand.
        """
        from referencing.exceptions import Unresolvable

        uri = self.uri(name)
        try:
            problems = tuple(sorted({_problem(one) for one in self._validator(uri).iter_errors(document)}, key=str))
        except Unresolvable as error:
            raise UnknownSchema(f"{name} refers to {error.ref}, which is not at hand") from None
        return Verdict(_label(uri), problems)

    def _validator(self, uri: str) -> Any:
        """The validator of a schema; made once, because it remembers what its references lead to."""
        import jsonschema

        if uri not in self._validators:
            kind = jsonschema.validators.validator_for(self._contents[uri], jsonschema.Draft7Validator)
            self._validators[uri] = kind({"$ref": uri}, registry=self._registry, format_checker=_formats())
        return self._validators[uri]

    def judge(self, document: Any, name: str | None = None) -> list[Verdict]:
        """Hold a data point (header and body) or a body against its schemas.

        Args:
            document: parsed JSON.
            name: the schema of a body; a data point names its own in ``header.schema_id``.
        """
        if not isinstance(document, dict):
            return [Verdict(None, (Problem("$", "a document is a JSON object"),))]
        header, body = document.get("header"), document.get("body")
        if isinstance(header, dict) and body is not None:
            found = header.get("schema_id")
            identifier: dict[str, Any] = found if isinstance(found, dict) else {}
            own = ":".join(str(identifier.get(key, "")) for key in ("namespace", "name", "version"))
            verdicts = [self._safely(header, "header" if identifier.get("namespace") != "ieee" else "ieee:header")]
            if name is None and not (identifier.get("name") and identifier.get("version")):
                return [*verdicts, Verdict(None, (Problem("$.header.schema_id", "names namespace, name and version"),))]
            return [*verdicts, self._safely(body, name or own)]
        if name is None:
            return [Verdict(None, (Problem("$", "a body without a header does not name its schema; name it"),))]
        return [self._safely(document, name)]

    def _safely(self, document: Any, name: str) -> Verdict:
        try:
            return self.check(document, name)
        except UnknownSchema as error:
            return Verdict(None, (Problem("$", str(error)),))

    @cached_property
    def _registry(self) -> Any:
        import referencing
        from referencing.jsonschema import DRAFT7

        library: Any = referencing  # its classes are made at run time, so types know little of them

        resources = {
            uri: library.Resource.from_contents(contents, default_specification=DRAFT7)
            for uri, contents in self._contents.items()
        }

        def newest(uri: str) -> Any:
            parts = urlsplit(uri)
            plain = f"{parts.scheme}://{parts.netloc}{parts.path}"
            matched = re.fullmatch(r"(.*-[0-9]+)[.]x[.]json", plain)
            found = self._newest(f"{matched[1]}.") if matched else None
            if found is None and not re.search(r"-[0-9]+[.][0-9x]+[.]json$", plain):
                found = self._newest(plain.removesuffix(".json") + "-")
            if found is None and plain.startswith(IEEE_BASE):
                # the IEEE's copies of Open mHealth's schemas stand beside its own
                found = self._elsewhere(plain)
            if found is None:
                raise KeyError(uri)
            return resources[found]

        # the addresses that the schemas' references use, so that nothing has to be retrieved again and again
        used = dict(resources)
        for uri in self._contents:
            name, version = uri.removesuffix(".json").rsplit("-", 1)
            for beginning, rest in ((f"{name}-{version.split('.')[0]}.", "x.json"), (name, ".json")):
                found = self._newest(beginning if rest == "x.json" else f"{name}-")
                if found is not None:
                    used.setdefault(beginning + rest, resources[found])
        return library.Registry(retrieve=newest).with_resources(used.items()).crawl()

    def _elsewhere(self, uri: str) -> str | None:
        other = uri.replace(IEEE_BASE, f"{BASE}/omh")
        return other if other in self._contents else None

    def _newest(self, beginning: str) -> str | None:
        if beginning not in self._found:
            pattern = re.compile(re.escape(beginning) + r"[0-9]+([.][0-9]+)?[.]json")
            self._found[beginning] = max(filter(pattern.fullmatch, self._contents), key=_version, default=None)
        return self._found[beginning]


def _version(uri: str) -> list[int]:
    return [int(one) for one in re.findall(r"[0-9]+", uri.rsplit("-", 1)[1])]


def documents(text: bytes) -> Iterator[tuple[int, Any]]:
    """The documents of a text, numbered from 1: one, an array, or one a line.

    Raises:
        ValueError: it is no JSON.
    """
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) < 2:
            raise ValueError("not JSON; it may be cut off") from None
        for number, line in enumerate(lines, 1):
            try:
                yield number, orjson.loads(line)
            except orjson.JSONDecodeError:
                raise ValueError(f"line {number} is not JSON; it may be cut off") from None
        return
    yield from enumerate(found if isinstance(found, list) else [found], 1)


def _label(uri: str) -> str:
    folder, file = uri.rsplit("/", 2)[-2:]
    name, version = file.removesuffix(".json").rsplit("-", 1)
    return f"{'ieee' if folder == 'ieee-1752-schema' else folder}:{name}:{version}"


def _problem(error: Any) -> Problem:
    """The deepest demand that was not met, without the value that did not meet it."""
    deepest = error
    while deepest.context:
        deepest = max(deepest.context, key=lambda one: len(one.absolute_path))
    demand = orjson.dumps(deepest.validator_value).decode()
    shown = demand if len(demand) <= 160 else f"{demand[:157]}…"
    return Problem(deepest.json_path, f"{deepest.validator} {shown}")


def _formats() -> Any:
    """Formats that are checked: a date-time without a zone is none (RFC 3339)."""
    import jsonschema

    checker = jsonschema.FormatChecker(("date", "email", "uuid", "regex", "ipv4"))

    def is_date_time(value: object) -> bool:
        if not isinstance(value, str):
            return True
        matched = _DATE_TIME.fullmatch(value)
        if matched is None:
            return False
        # a leap second is a second of RFC 3339, not of datetime
        text = value.upper().replace("Z", "+00:00")
        if matched["second"] == "60":
            text = text[: matched.start("second")] + "59" + text[matched.end("second") :]
        text = re.sub(r"[.][0-9]+", "", text)
        try:
            datetime.fromisoformat(text)
        except ValueError:
            return False
        return True

    def is_uri(value: object) -> bool:
        # a URI has a scheme and no blanks (RFC 3986, section 3)
        return (
            not isinstance(value, str) or re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]*", value) is not None
        )

    checker.checks("date-time")(is_date_time)
    checker.checks("uri")(is_uri)
    return checker


def conformance(folder: Path, schemas: Schemas) -> Iterable[tuple[Path, bool, Verdict]]:
    """Documents below ``<namespace>/<schema>/<version>/shouldPass|shouldFail``: path, what is expected, what it is.

    Documents whose schema is not at hand are left out.
    """
    for path in sorted(folder.glob("*/*/*/should*/*.json")):
        namespace, name, version = path.parts[-5:-2]
        try:
            verdict = schemas.check(orjson.loads(path.read_bytes()), f"{namespace}:{name}:{version}")
        except UnknownSchema:
            continue
        yield path, path.parent.name == "shouldPass", verdict
