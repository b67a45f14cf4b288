"""Which mappings exist, and which of them a landed file is for."""

from __future__ import annotations

import logging
import re
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ehr.extract.dialect import DELIMITERS, has_signature, header_cells, known_columns, missing_columns
from ehr.extract.engine import PARQUET_MAGIC
from ehr.extract.mapping import Mapping, MappingError, load, table_of
from ehr.extract.targets import TARGETS
from lake.quarantine import BadFile
from lake.reader import Landed
from lake.settings import Settings
from lake.tables import by_name

SHIPPED = Path(__file__).parent / "mappings"
EXTENSIONS = (".csv", ".tsv", ".psv", ".txt", ".tab", ".dat", ".parquet")
_DUPLICATE_NAME = re.compile(r"^[0-9a-f]{8}-")
"""`lake.landing.land` puts this before the name of a file whose name is taken."""


@cache
def shipped_mappings() -> tuple[Mapping, ...]:
    """The mappings that come with the platform, in the order of their files."""
    return tuple(mapping for path in sorted(SHIPPED.glob("*.yaml")) for mapping in _checked(path))


def load_mappings(settings: Settings) -> tuple[Mapping, ...]:
    """All mappings: the user's own (``<TWIN_HOME>/mappings/*.yaml``) before the shipped ones.

    Raises:
        MappingError: a file is wrong, or two mappings have the same name.
    """
    own = [mapping for path in _own_files(settings.home) for mapping in _checked(path)]
    names = [mapping.name for mapping in (*own, *shipped_mappings())]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise MappingError(f"mappings with the same name: {', '.join(twice)}; rename your own")
    return (*own, *shipped_mappings())


def usable_mappings(home: Path | None) -> tuple[Mapping, ...]:
    """As `load_mappings`, but a wrong file of the user is left out with a warning: it must not stop other files."""
    taken = {mapping.name for mapping in shipped_mappings()}
    own: list[Mapping] = []
    for path in _own_files(home) if home else []:
        try:
            found = _checked(path)
        except MappingError as error:
            logging.getLogger(__name__).warning("mapping file left out: %s", error)
            continue
        own += [mapping for mapping in found if mapping.name not in taken]
        taken |= {mapping.name for mapping in found}
    return (*own, *shipped_mappings())


def home_of(landed: Landed) -> Path | None:
    """The state folder that a landed file lies in: ``<home>/landing/<source>/…``."""
    return next((folder.parent for folder in landed.path.parents if folder.name == "landing"), None)


def find(landed: Landed) -> Mapping | None:
    """Return the mapping of a landed file, None if it has none. Looks at the name and the header; never raises.

    A mapping whose pattern has the file's name and whose columns are all in the header wins; then one whose ``header``
    signature is there under another name; then one that has the name only, so that its reader can say what is missing.
    Among equals, a mapping for this source in particular, then the one that knows most of the columns.
    """
    name = _DUPLICATE_NAME.sub("", landed.name)
    if not name.endswith(EXTENSIONS):
        return None
    headers = _headers(landed)
    best: tuple[tuple[int, bool, int], Mapping] | None = None
    for mapping in usable_mappings(home_of(landed)):
        if mapping.sources and not any(fnmatchcase(landed.source, pattern) for pattern in mapping.sources):
            continue
        named = any(fnmatchcase(name, pattern.lower()) for pattern in mapping.files)
        fits = [header for header in headers if not missing_columns(mapping, header)]
        if not named:
            fits = [header for header in fits if has_signature(mapping, header)]
        if not named and not fits:
            continue
        rank = 3 if named and fits else 2 if fits else 1
        known = max((known_columns(mapping, header) for header in fits or headers), default=0)
        score = (rank, bool(mapping.sources), known)
        if best is None or score > best[0]:
            best = score, mapping
    return best[1] if best else None


def _headers(landed: Landed) -> list[tuple[str, ...]]:
    """The header as each delimiter would have it."""
    try:
        if landed.head.startswith(PARQUET_MAGIC):
            return [tuple(pq.read_schema(landed.path).names)]
        head = landed.text_head.lstrip("\ufeff").encode()
        return [header_cells(head, delimiter)[0] for delimiter in DELIMITERS]
    except (BadFile, OSError, pa.ArrowException):
        return []


def _own_files(home: Path) -> list[Path]:
    return sorted((home / "mappings").glob("*.yaml"))


def _checked(path: Path) -> list[Mapping]:
    found = load(path)
    for mapping in found:
        table_of(mapping, by_name(TARGETS))
    return found
