"""``twin circadian``: the rhythm of rest and activity, or of any other measure."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.failures import BadData, WrongUsage
from orchestration.cli.output import AsJson, print_json, print_table


def circadian(
    file: Annotated[Path, typer.Argument(help="CSV with a header: a column of local times and one of values.")],
    time: Annotated[str, typer.Option("--time", help="Column of times, ISO 8601 without a zone.")] = "time",
    value: Annotated[str, typer.Option("--value", help="Column of values, such as steps or counts.")] = "value",
    asleep: Annotated[
        str | None, typer.Option("--asleep", help="Column that is 1 while asleep, for the sleep regularity index.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Interdaily stability, intradaily variability, L5, M10, relative amplitude, cosinor, sleep regularity.

    Exit status 1 if the file has no such columns, or too few values.

    Example: twin circadian steps.csv --time minute --value steps
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    from wearables.circadian import cosinor, rhythm, sleep_regularity
    from wearables.columns import BadTable, numbers, read_table, times

    if not file.is_file():
        raise WrongUsage(f"nothing at {file}")
    try:
        table = read_table(file)
        happened, values = times(table, time), numbers(table, value)
        states = numbers(table, asleep) if asleep else None
    except BadTable as error:
        raise BadData(str(error)) from None
    activity = pa.table({"series": ["all"] * table.num_rows, "happened_at": happened, "value": values})
    usable = activity.filter(pc.and_(pc.is_valid(happened), pc.is_valid(values)))
    if usable.num_rows < 4:
        raise BadData(f"{file.name} has fewer than four values with a time; times look like 2024-01-31 08:05:00")
    found = {key: number for key, number in rhythm(usable).to_pylist()[0].items() if key != "series"}
    hours = usable.column("happened_at").cast(pa.timestamp("us")).to_numpy().astype("int64") / 3.6e9
    try:
        found |= cosinor(np.asarray(hours), usable.column("value").to_numpy())
    except ValueError as error:
        raise BadData(f"{file.name}: {error}") from None
    if states is not None:
        is_asleep = pc.greater(states, 0)
        found["sleep_regularity_index"] = sleep_regularity(pa.table({"happened_at": happened, "is_asleep": is_asleep}))
    found["values_without_a_time"] = table.num_rows - usable.num_rows
    if as_json:
        print_json(found)
    else:
        print_table(("measure", "value"), list(found.items()))
