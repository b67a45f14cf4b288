"""What a mapping would do to a file, without staging anything."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from ehr.extract.engine import Outcome, run
from ehr.extract.mapping import Mapping, table_of, type_of
from ehr.extract.targets import TARGETS
from lake.files import decompressed
from lake.quarantine import BadFile, Rejected
from lake.settings import Settings
from lake.tables import by_name
from lake.warehouse import memory

EXAMPLES = 5


@dataclass
class ColumnReport:
    """One target column: what feeds it, as which type; ``rejected`` counts the records it makes unusable."""

    to: str
    type: str
    origin: str
    required: bool
    rejected: dict[str, int] = field(default_factory=dict)


@dataclass
class Report:
    """What a mapping makes of a file.

    Attributes:
        refused: why the whole file cannot be used, ``reason: detail``; empty if it can.
        read, accepted, rejected: records; read = accepted + rejected.
        broken: reason → records that could not be split into columns.
        examples: positions and reasons of the first refused records, without their values.
    """

    mapping: str
    table: str
    file: str
    refused: str = ""
    read_as: str = ""
    read: int = 0
    accepted: int = 0
    rejected: int = 0
    blank_lines: int = 0
    columns: list[ColumnReport] = field(default_factory=list)
    columns_not_mapped: list[str] = field(default_factory=list)
    broken: dict[str, int] = field(default_factory=dict)
    examples: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """True if every record would be staged."""
        return not self.refused and not self.rejected


def check(mapping: Mapping, path: Path, settings: Settings | None = None) -> Report:
    """Run a mapping over a whole file and report; nothing is written and no value is shown."""
    settings = settings or Settings()
    table = table_of(mapping, by_name(TARGETS))
    report = Report(mapping.name, table.name, path.name)
    rejected: list[Rejected] = []

    def reject(one: Rejected) -> None:
        if len(rejected) < EXAMPLES:
            rejected.append(one)

    with tempfile.TemporaryDirectory() as scratch:
        connection = memory(settings, Path(scratch))
        try:
            plain = decompressed(path, Path(scratch) / "extract", settings.max_file_bytes, settings.max_ratio)
            outcome = run(plain, mapping, table, connection, accept=lambda query: None, reject=reject)
        except BadFile as bad:
            report.refused = str(bad)
            return report
        finally:
            connection.close()
    _fill(report, mapping, outcome)
    report.columns = [
        ColumnReport(
            column.to,
            type_of(column, table),
            _origin(column.constant, outcome.compiled.origins[column.to]),
            column.required,
            {reason: n for (reason, to), n in outcome.reasons.items() if to == column.to},
        )
        for column in mapping.columns
    ]
    report.examples = [f"{one.position}: {one.reason}: {one.detail}" for one in rejected]
    return report


def _fill(report: Report, mapping: Mapping, outcome: Outcome) -> None:
    report.read_as = outcome.dialect
    report.read, report.accepted, report.rejected = outcome.read, outcome.accepted, outcome.rejected
    report.blank_lines = outcome.blank
    report.columns_not_mapped = list(outcome.compiled.unused)
    report.broken = {reason: n for (reason, to), n in outcome.reasons.items() if not to}


def _origin(constant: object, cells: tuple[str, ...]) -> str:
    if constant is not None:
        return f"constant {constant!r}"
    return " + ".join(cells) if cells else "not in the file: null"
