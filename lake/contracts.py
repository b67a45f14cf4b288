"""Contracts of raw tables: Great Expectations at the boundary, declared as YAML beside each room's tables.

A contract is a list of expectations per raw table::

    lab_result:
      - {expect: column_values_to_not_be_null, column: patient_id, severity: critical, mostly: 0.5}
      - {expect: column_values_to_be_between, column: value_num, min_value: 0, severity: warning}

``expect`` is the snake-case name of a Great Expectations column expectation, further keys are its arguments.
Records that fail go to quarantine, the rest of the file is used. With ``critical``, a file in which more than
``1 - mostly`` of the rows fail is refused whole (default ``mostly`` 1: a single failing row refuses the file).
Only counts and row positions are taken from Great Expectations, never values.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, TypeAdapter

from lake.files import read_yaml
from lake.manifest import Breach

CHUNK_ROWS = 500_000


class Expectation(BaseModel):
    """One expectation on one column of a raw table."""

    model_config = ConfigDict(extra="allow", frozen=True)

    expect: str
    column: str
    severity: Literal["critical", "warning"] = "warning"
    mostly: float = 1.0

    @property
    def arguments(self) -> dict[str, Any]:
        """Arguments of the expectation beyond its column."""
        return dict(self.model_extra or {})

    @property
    def reason(self) -> str:
        """The reason that a failing record carries in quarantine."""
        return self.expect.removeprefix("column_values_to_").removeprefix("column_")


Contracts = Mapping[str, Sequence[Expectation]]


@dataclass
class FileOutcome:
    """What one file's rows of one table did not meet.

    Attributes:
        rows: failing row index within the draft → (reason, column).
        refuse: why the whole file is refused; empty if it is not.
    """

    breaches: list[Breach] = field(default_factory=list)
    rows: dict[int, tuple[str, str]] = field(default_factory=dict)
    refuse: str = ""


def load(paths: Iterable[Path]) -> Contracts:
    """Read contract files.

    Raises:
        ValueError: a file does not have the form above, or a table has contracts in two files.
    """
    contract: dict[str, Sequence[Expectation]] = {}
    form = TypeAdapter(dict[str, list[Expectation]])
    for path in paths:
        for table, expectations in form.validate_python(read_yaml(path) or {}).items():
            if table in contract:
                raise ValueError(f"{path.name}: table {table!r} already has a contract")
            contract[table] = expectations
    return contract


def check(
    table: str, expectations: Sequence[Expectation], drafts: Sequence[tuple[int, Path]]
) -> dict[int, FileOutcome]:
    """Check the rows that several files bring for one table; files without a breach are not in the result.

    Args:
        drafts: (file number, Parquet draft). Small files are checked together, large ones in chunks.
    """
    failing: dict[tuple[int, int], list[int]] = {}
    totals: Counter[int] = Counter()
    columns = sorted({one.column for one in expectations})
    for chunk in _chunks(drafts, columns):
        for number, _, rows in chunk:
            totals[number] += rows.num_rows
        for position, rows in _failing_rows(expectations, chunk):
            for number, row in rows:
                failing.setdefault((number, position), []).append(row)
    outcomes: dict[int, FileOutcome] = {}
    for (number, position), rows in sorted(failing.items()):
        expectation = expectations[position]
        outcome = outcomes.setdefault(number, FileOutcome())
        breach = Breach(table, expectation.reason, expectation.column, expectation.severity, len(rows))
        outcome.breaches.append(breach)
        for row in rows:
            outcome.rows.setdefault(row, (expectation.reason, expectation.column))
        if expectation.severity == "critical" and len(rows) > (1 - expectation.mostly) * totals[number]:
            outcome.refuse = outcome.refuse or (
                f"{len(rows):,} of {totals[number]:,} rows break {expectation.expect} on {table}.{expectation.column}"
            )
    return outcomes


Chunk = list[tuple[int, int, pa.Table]]
"""Pieces of drafts: (file number, offset of the first row in that file's draft, rows)."""


def _chunks(drafts: Sequence[tuple[int, Path]], columns: list[str]) -> Iterator[Chunk]:
    chunk: Chunk = []
    size = 0
    for number, path in drafts:
        offset = 0
        for batch in pq.ParquetFile(path).iter_batches(batch_size=CHUNK_ROWS, columns=columns):
            chunk.append((number, offset, pa.Table.from_batches([batch])))
            offset += batch.num_rows
            size += batch.num_rows
            if size >= CHUNK_ROWS:
                yield chunk
                chunk, size = [], 0
    if chunk:
        yield chunk


def _failing_rows(expectations: Sequence[Expectation], chunk: Chunk) -> Iterator[tuple[int, list[tuple[int, int]]]]:
    """Yield (position of the expectation, failing (file number, row) pairs) for the expectations that fail."""
    frame = pa.concat_tables([rows for _, _, rows in chunk], promote_options="default").to_pandas()
    starts: list[tuple[int, int, int]] = []
    at = 0
    for number, offset, rows in chunk:
        starts.append((at, number, offset))
        at += rows.num_rows
    for position, unexpected in _validate(expectations, frame):
        located = []
        piece = 0
        for index in sorted(unexpected):
            while piece + 1 < len(starts) and starts[piece + 1][0] <= index:
                piece += 1
            start, number, offset = starts[piece]
            located.append((number, offset + index - start))
        if located:
            yield position, located


def _validate(expectations: Sequence[Expectation], frame: Any) -> Iterator[tuple[int, list[int]]]:
    import great_expectations as gx

    batch_definition = _batch_definition()
    suite = gx.ExpectationSuite(name="contract")
    for position, one in enumerate(expectations):
        name = "Expect" + "".join(word.title() for word in one.expect.split("_"))
        suite.add_expectation(
            getattr(gx.expectations, name)(column=one.column, meta={"position": position}, **one.arguments)
        )
    batch = batch_definition.get_batch(batch_parameters={"dataframe": frame})
    result = batch.validate(
        suite,
        result_format={
            "result_format": "COMPLETE",
            "unexpected_index_column_names": [],
            "include_unexpected_rows": False,
        },
    )
    for outcome in result.results:
        if outcome.exception_info.get("raised_exception"):
            raise ValueError(f"expectation {outcome.expectation_config.type!r} could not be evaluated")
        if not outcome.success:
            indexes = outcome.result.get("unexpected_index_list") or []
            yield outcome.expectation_config.meta["position"], [int(index) for index in indexes]


@cache
def _batch_definition() -> Any:
    """An ephemeral Great Expectations context; created once a process, it costs seconds and writes nothing."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return (
        context.data_sources.add_pandas("raw").add_dataframe_asset("rows").add_batch_definition_whole_dataframe("all")
    )
