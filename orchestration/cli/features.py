"""``twin features``: a feature set for any people at any moments."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.cli.failures import BadData, WrongUsage
from orchestration.cli.output import AsJson, console, print_json, print_table, settings

if TYPE_CHECKING:
    import pyarrow as pa

    from ml.features.at import FeatureTable
    from ml.features.spec import FeatureSet

SHOWN = 30
"""Values that are printed; ``--out`` and ``--json`` have them all."""


def features(
    name: Annotated[
        str | None, typer.Argument(metavar="SET", help="A feature set of ml/features/sets; none lists them.")
    ] = None,
    at: Annotated[
        Path | None, typer.Option("--at", help="CSV or Parquet with the columns person_id and index_at.")
    ] = None,
    wide: Annotated[bool, typer.Option("--wide", help="One row per person and moment, in place of one per value.")] = (
        False
    ),
    out: Annotated[Path | None, typer.Option("--out", help="Write a .csv or .parquet file.", dir_okay=False)] = None,
    as_json: AsJson = False,
) -> None:
    """Compute features of people at moments, each value with when it could first be known.

    Only versions of facts that were known at the moment count, so nothing learned later changes a value. A value that
    does not exist has no row. Exit status 1 if a row of the file could not be used.

    Example: twin features cardiometabolic --at people.csv --out features.parquet
    """
    from ml.core import CoreUnusable
    from ml.features.at import NotAFeatureRequest, features_at
    from ml.features.spec import load_set

    if name is None:
        _list_sets(as_json)
        return
    try:
        feature_set = load_set(name)
    except KeyError as error:
        raise WrongUsage(str(error.args[0])) from None
    if at is None:
        _list_features(feature_set, as_json)
        return
    if not at.is_file():
        raise WrongUsage(f"no file at {at}")
    if out is not None and out.suffix not in (".csv", ".parquet"):
        raise WrongUsage("--out must end with .csv or .parquet")
    try:
        found = features_at(settings(), feature_set, at)
    except (NotAFeatureRequest, CoreUnusable) as error:
        raise BadData(str(error)) from None
    table = found.wide() if wide else found.long()
    if out is not None:
        _write(table, out)
    if as_json:
        print_json(
            {
                "rows": found.rows,
                "refused": [asdict(one) for one in found.refused],
                "values": table.num_rows,
                **({"out": out} if out else {"features": table.to_pylist()}),
            }
        )
    else:
        _show(found, table, out)
    if found.refused:
        first = found.refused[0]
        raise BadData(f"{len(found.refused)} rows could not be used; row {first.row_no}: {first.reason}")


def _list_sets(as_json: bool) -> None:
    from ml.features.spec import SET_DIR, load_set

    sets = [load_set(path.stem) for path in sorted(SET_DIR.glob("*.yaml"))]
    listed = [{"set": one.name, "version": one.version, "features": len(one.columns)} for one in sets]
    if as_json:
        print_json(listed)
    else:
        print_table(("set", "version", "features"), [tuple(one.values()) for one in listed])


def _list_features(feature_set: FeatureSet, as_json: bool) -> None:
    if as_json:
        print_json([one.model_dump() for one in feature_set.columns])
    else:
        print_table(
            ("feature", "unit", "family", "what"),
            [(one.name, one.unit, one.family, one.label) for one in feature_set.columns],
        )


def _write(table: pa.Table, out: Path) -> None:
    from pyarrow import csv, parquet

    if out.suffix == ".csv":
        csv.write_csv(table, out)
    else:
        parquet.write_table(table, out)


def _show(found: FeatureTable, table: pa.Table, out: Path | None) -> None:
    if out is None:
        print_table(table.column_names, [tuple(one.values()) for one in table.slice(0, SHOWN).to_pylist()])
    where = f" in {out}" if out else f", the first {SHOWN}; --out writes all" if table.num_rows > SHOWN else ""
    used = found.rows - len(found.refused)
    console().print(
        f"{used:,} of {found.rows:,} rows, {len(found.design.columns)} features, {table.num_rows:,} rows{where}"
    )
