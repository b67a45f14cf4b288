"""Clinical equations for everyone at the latest date; ``equations/over_cohort.yaml`` says which features feed them."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from lake import derived
from lake.files import read_yaml
from lake.settings import Settings
from ml import core, tables
from ml.actions import Condition
from ml.dataset import CannotLearn
from ml.equations import Equation, evaluate, get
from ml.features import build as features
from ml.features.build import Design
from ml.features.spec import load_set

_DECLARED = Path(__file__).parent / "equations" / "over_cohort.yaml"


class Use(BaseModel):
    """One equation and the people it was made for: conditions on features, all of which must hold."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    only: dict[str, Condition]


class Uses(BaseModel):
    """The equations computed over the cohort, and which feature feeds an input of a name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    feature_set: str
    inputs: dict[str, str]
    equations: tuple[Use, ...]


@lru_cache(maxsize=1)
def declared() -> Uses:
    """Return the declaration.

    Raises:
        ValueError: it is not valid, or feeds an equation a feature in another unit.
    """
    found = Uses.model_validate(read_yaml(_DECLARED))
    units = {column.name: column.unit for column in load_set(found.feature_set).columns}
    for use in found.equations:
        for one in get(use.name).inputs:
            feature = found.inputs.get(one.name)
            if feature is not None and units[feature] != one.unit:
                raise ValueError(f"{use.name}.{one.name} expects {one.unit}, but {feature} is in {units[feature]}")
    return found


def compute(settings: Settings) -> pa.Table:
    """Compute every declared equation for everyone alive at core's data cutoff; writes ``equation_risk``.

    A row stands for who the equation was made for; its result is null where the equation gives none.

    Raises:
        CannotLearn: core holds no clinical fact.
        ml.core.CoreUnusable: core is missing or incomplete.
    """
    uses = declared()
    connection = core.open_core(settings)
    try:
        as_of = core.data_cutoff(connection)
        if as_of is None:
            raise CannotLearn("core holds no clinical fact to compute equations from; land clinical data first")
        _everyone(connection, as_of)
        design = features.build(connection, load_set(uses.feature_set))
        content = core.version(settings, connection)
    finally:
        connection.close()
    parts = [_rows(get(use.name), use, uses, design, content) for use in uses.equations]
    rows = pa.concat_tables([one for one in parts if one.num_rows] or [tables.EQUATION_RISK.schema.empty_table()])
    derived.replace(settings, tables.EQUATION_RISK, "all", rows)
    return rows


def _everyone(connection: duckdb.DuckDBPyConnection, as_of: datetime) -> None:
    """The temp table ``cohort`` that features are built for: the living, with birth date and sex known."""
    connection.execute(
        """
        create or replace temp table cohort as
        select
            row_number() over (order by person_id) - 1 as row_no,
            person_id,
            $at::timestamp as index_at,
            date_diff('day', birth_date, $at::date) / 365.25 as age_years,
            sex,
            true as eligible
        from twin_person
        where birth_date is not null and sex in ('male', 'female') and (death_date is null or death_date > $at::date)
        """,
        {"at": as_of},
    )


def _rows(equation: Equation, use: Use, uses: Uses, design: Design, content: str) -> pa.Table:
    made_for = np.ones(len(design.person_id), bool)
    for name, condition in use.only.items():
        made_for &= condition.holds(design.column(name))
    if not made_for.any():
        return tables.EQUATION_RISK.schema.empty_table()
    inputs = [one.name for one in equation.inputs]
    given = {name: design.column(uses.inputs[name])[made_for] for name in inputs if name in uses.inputs}
    found = evaluate(equation, given)
    n = int(made_for.sum())

    def same(value: object, kind: pa.DataType) -> pa.Array:
        return pa.repeat(pa.scalar(value, kind), n)

    text, whole = pa.string(), pa.int64()
    return pa.table(
        {
            "person_id": pa.array(design.person_id[made_for], text),
            "as_of": pa.array(design.index_at[made_for]),
            "equation": same(equation.name, text),
            "result": pa.array(found.risk, pa.float64(), from_pandas=True),
            "result_name": same(equation.outcome if equation.result == "risk" else equation.title, text),
            "unit": same("1" if equation.result in ("risk", "points") else equation.result, text),
            "horizon_days": same(equation.horizon_days, whole),
            "n_inputs": same(len(inputs), whole),
            "n_defaulted": pa.array(found.defaulted.sum(axis=1), whole),
            "defaulted_inputs": pa.array(found.defaulted_names(), text),
            "out_of_range_inputs": pa.array(found.out_of_range_names(), text),
            "core_version": same(content, text),
        },
        schema=tables.EQUATION_RISK.schema,
    )
