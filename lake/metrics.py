"""The main metrics: defined once, as data (``transform/published/metrics.yml``), computed on a published snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter

from lake import warehouse
from lake.settings import Settings
from lake.sql import identifier


class Metric(BaseModel):
    """One metric. ``expression`` is an aggregate over the rows of ``of`` that ``where`` lets through."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    label: str
    description: str
    of: str
    grain: str
    expression: str
    unit: str
    where: str = "true"
    by: tuple[str, ...] = ()

    def sql(self, by: Sequence[str] = ()) -> str:
        """The query: a row per group with the group's columns, ``value`` and ``n`` (rows that count).

        Raises:
            ValueError: the metric may not be split by one of the columns.
        """
        if unknown := [one for one in by if one not in self.by]:
            raise ValueError(
                f"{self.name} cannot be split by {', '.join(unknown)}; it can by {', '.join(self.by) or 'nothing'}"
            )
        groups = "".join(f"{identifier(one)}, " for one in by)
        grouped = " group by all order by all" if by else ""
        return f"select {groups}{self.expression} as value, count(*) as n from {self.of} where {self.where}{grouped}"


@dataclass(frozen=True)
class Answer:
    """A metric's value in each group: ``rows`` of the group's columns, the value and how many rows it rests on."""

    metric: Metric
    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


def load(transform: Path) -> dict[str, Metric]:
    """Read the definitions of a dbt project, by name.

    Raises:
        ValueError: a definition does not have the form above, or a name is taken twice.
    """
    text = (transform / "published" / "metrics.yml").read_text(encoding="utf-8")
    found = TypeAdapter(list[Metric]).validate_python(yaml.safe_load(text))
    named = {one.name: one for one in found}
    if len(named) < len(found):
        raise ValueError("metrics.yml defines a name twice")
    return named


def compute(settings: Settings, name: str, by: Sequence[str] = ()) -> Answer:
    """Compute one metric on the published snapshot.

    Raises:
        FileNotFoundError: nothing has been published yet.
        KeyError: there is no such metric.
        ValueError: it may not be split so.
    """
    metrics = load(settings.transform)
    if name not in metrics:
        raise KeyError(f"no metric {name!r}; there are {', '.join(metrics)}")
    query = metrics[name].sql(by)
    with warehouse.reading(settings) as connection:
        return Answer(metrics[name], (*by, "value", "n"), connection.execute(query).fetchall())


def everything(settings: Settings) -> list[Answer]:
    """Compute all metrics, undivided; those whose table is not published are left out."""
    answers = []
    with warehouse.reading(settings) as connection:
        tables = {
            f"{schema}.{table}"
            for schema, table in connection.execute("select schema_name, table_name from duckdb_tables()").fetchall()
        }
        for one in load(settings.transform).values():
            if one.of in tables:
                answers.append(Answer(one, ("value", "n"), connection.execute(one.sql()).fetchall()))
    return answers
