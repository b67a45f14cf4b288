"""``twin cgm``, ``twin hrv``, ``twin score`` and ``twin aqi``: the platform's own measures on a file of your own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestration.cli.failures import BadData, OneLine, WrongUsage
from orchestration.cli.output import AsJson, console, print_json, print_table

if TYPE_CHECKING:
    import pyarrow as pa

cgm = typer.Typer(cls=OneLine, no_args_is_help=True, help="Continuous glucose monitoring.", rich_markup_mode="rich")

File = Annotated[Path, typer.Argument(help="The file.")]
Table = Annotated[Path, typer.Argument(help="CSV with a header.")]
SHOWN = 50


@cgm.callback()
def _cgm() -> None:
    """Keep ``metrics`` a command of its own."""


@cgm.command("metrics")
def cgm_metrics(
    file: File,
    time: Annotated[str | None, typer.Option("--time", help="Column of times, for a CSV of your own.")] = None,
    value: Annotated[str | None, typer.Option("--value", help="Column of glucose, for a CSV of your own.")] = None,
    unit: Annotated[str, typer.Option("--unit", help="Unit of that column: mg/dL or mmol/L.")] = "mg/dL",
    series: Annotated[str | None, typer.Option("--series", help="Column that tells people apart.")] = None,
    as_json: AsJson = False,
) -> None:
    """Glucose metrics of a device dump (Dexcom, Apple Health …) or of any CSV: ranges, GMI, GRI, variability, episodes.

    Research use, not for care. Exit status 1 if there is no glucose in the file.

    Example: twin cgm metrics clarity.csv    or    twin cgm metrics sim.csv --time Time --value BG
    """
    from wearables.glucose import cgm_metrics as compute
    from wearables.glucose import profile

    _must_exist(file)
    if (time is None) != (value is None):
        raise WrongUsage("--time and --value go together")
    rejected = 0
    if time and value:
        readings = _glucose_columns(file, time, value, unit, series)
    else:
        readings, rejected = _glucose_of_dump(file)
    if readings.num_rows == 0:
        raise BadData(f"no glucose in {file.name}")
    rows = compute(readings).to_pylist()
    if as_json:
        print_json({"metrics": rows, "profile": profile(readings).to_pylist(), "rejected": rejected})
        return
    for row in rows:
        print_table(("metric", "value"), list(row.items())[1:], "" if len(rows) == 1 else str(row["series"]))
    if not all(row["is_enough"] for row in rows):
        console().print("Less than 70 % of 14 days: too little for a report by the consensus.")
    if rejected:
        console().print(f"{rejected} records could not be read; `twin wearable read {file.name}` says why.")


def _glucose_columns(file: Path, time: str, value: str, unit: str, series: str | None) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    from wearables.columns import column, numbers, read_table, times
    from wearables.glucose import MMOL_TO_MG

    factors = {"mg/dl": 1.0, "mmol/l": MMOL_TO_MG}
    if unit.lower() not in factors:
        raise WrongUsage(f"--unit {unit!r} is neither mg/dL nor mmol/L")
    table = _read(read_table, file)
    happened = _read(times, table, time)
    glucose = pc.multiply(_read(numbers, table, value), factors[unit.lower()])
    names = _read(column, table, series) if series else pa.array(["all"] * table.num_rows)
    found = pa.table({"series": names, "happened_at": happened, "mg_dl": glucose})
    bad = pc.and_(pc.is_valid(glucose), pc.invert(pc.is_valid(happened)))
    if pc.any(bad).as_py():
        first = bad.to_pylist().index(True) + 2
        raise BadData(f"{file.name} line {first}: column {time!r} is not an ISO 8601 time such as 2024-01-31 08:05:00")
    return found.filter(pc.and_(pc.is_valid(glucose), pc.is_valid(happened)))


def _glucose_of_dump(file: Path) -> tuple[pa.Table, int]:
    import pyarrow as pa
    import pyarrow.compute as pc

    from lake.preview import preview
    from wearables.readers import READERS

    (found,) = preview([file], READERS)
    if found.refused:
        raise BadData(f"{file.name}: {found.refused}; name --time and --value if it is a CSV of your own")
    samples = found.tables.get("wearable_sample")
    if samples is None:
        return pa.table({"series": [], "happened_at": [], "mg_dl": []}), len(found.rejected)
    samples = samples.filter(pc.equal(samples.column("metric"), "glucose"))
    readings = pa.table(
        {
            "series": pa.array(["all"] * samples.num_rows, pa.string()),
            "happened_at": samples.column("start_at"),
            "mg_dl": samples.column("value"),
        }
    )
    return readings, len(found.rejected)


def hrv(
    file: File,
    kind: Annotated[
        str, typer.Option("--kind", help="What the numbers are: nn (intervals in ms) or pulse (a pulse wave, PPG).")
    ] = "nn",
    rate: Annotated[float | None, typer.Option("--rate", min=1, help="Samples per second of a pulse wave.")] = None,
    value: Annotated[str | None, typer.Option("--value", help="Column, if the file is a CSV with a header.")] = None,
    timer: Annotated[str | None, typer.Option("--timer", help="Column of times in ms, in place of --rate.")] = None,
    as_json: AsJson = False,
) -> None:
    """Time-domain heart rate variability: of NN intervals (one a line, CSV, or .npy) or of a pulse wave.

    Exit status 1 if the file holds no such numbers, or no pulse.

    Example: twin hrv nn.txt    or    twin hrv ppg.csv --kind pulse --value hr --timer timer
    """
    from wearables.heart_beats import NoPulse, beats, hrv_metrics, nn_intervals, sampling_rate

    _must_exist(file)
    if kind not in ("nn", "pulse"):
        raise WrongUsage(f"--kind {kind!r} is neither nn nor pulse")
    signal = _signal(file, value)
    if kind == "nn":
        intervals, more = nn_intervals(signal), {}
    else:
        frequency = sampling_rate(_signal(file, timer)) if timer else rate
        if frequency is None:
            raise WrongUsage("a pulse wave needs --rate, or --timer with the column of times in ms")
        try:
            found = beats(signal, frequency)
        except NoPulse as error:
            raise BadData(str(error)) from None
        intervals = found.intervals()
        more = {
            "samples_per_second": frequency,
            "beats": len(found.at_s),
            "beats_refused": int((~found.is_accepted).sum()),
        }
    rows = hrv_metrics(intervals).to_pylist()
    if not rows or rows[0]["n"] < 2:
        raise BadData(f"{file.name} holds fewer than two intervals")
    row = {key: number for key, number in rows[0].items() if key != "series"} | more
    if as_json:
        print_json(row)
    else:
        print_table(("metric", "value"), list(row.items()))


def _signal(file: Path, column: str | None) -> Any:
    import numpy as np

    from wearables.columns import numbers, read_table

    if file.suffix == ".npy":
        try:
            return np.asarray(np.load(file, allow_pickle=False), np.float64).ravel()
        except ValueError as error:
            raise BadData(f"{file.name} is no array of numbers: {type(error).__name__}") from None
    if column is not None:
        values = _read(numbers, _read(read_table, file), column).to_numpy()
        return values[np.isfinite(values)]
    values = []
    for number, line in enumerate(file.read_text(encoding="utf-8-sig", errors="replace").splitlines(), 1):
        if not line.strip():
            continue
        try:
            values.append(float(line))
        except ValueError:
            if number == 1 and "," not in line:
                continue  # a heading
            raise BadData(
                f"{file.name} line {number} is not one number; name a --value column if it is a CSV"
            ) from None
    return np.array(values)


def score(
    name: Annotated[str, typer.Argument(help="news2, qsofa or mews.")],
    file: Table,
    as_json: AsJson = False,
) -> None:
    """Early warning scores of observations: columns named like the parameters; what lacks makes the score a range.

    Research use, not for care. Exit status 1 if a value cannot be one.

    Example: twin score news2 observations.csv --json
    """
    from wearables.columns import read_table
    from wearables.early_warning import BadObservations, evaluate, load, names

    if name not in names():
        raise WrongUsage(f"no score {name!r}; there are {', '.join(names())}")
    _must_exist(file)
    observations, table = _read(read_table, file), load(name)
    try:
        rows = evaluate(name, observations).to_pylist()
    except BadObservations as error:
        raise BadData(f"{file.name}: {error}") from None
    not_read = [one for one in observations.column_names if one not in {*table.parameters, *table.switches}]
    if as_json:
        print_json({"score": table.title, "not_for": table.not_for or None, "not_read": not_read, "rows": rows})
    else:
        shown = ("lowest_total", "highest_total", "lowest_level", "highest_level")
        print_table(
            ("line", "lowest total", "highest total", "lowest level", "highest level", "missing", "problem"),
            [
                (number, *(row[key] for key in shown), ", ".join(row["missing"]), row["problem"])
                for number, row in enumerate(rows[:SHOWN], 2)
            ],
            table.title,
        )
        if not_read:
            told = f"Not read: {', '.join(not_read)}. Columns are read by name: {', '.join(table.parameters)}."
            console().print(told, markup=False)
        if table.not_for:
            console().print(f"Not for {table.not_for}. Research use, not for care.")
    if any(row["problem"] for row in rows):
        raise typer.Exit(1)


def aqi(file: Table, as_json: AsJson = False) -> None:
    """Air quality index (US EPA) by the table in force on each date: CSV with date, pollutant, value, unit.

    Exit status 1 if a row has no index, with the reason.

    Example: twin aqi air.csv
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    from wearables.air_quality import air_quality_index, pollutants
    from wearables.columns import column, numbers, read_table, times

    _must_exist(file)
    table = _read(read_table, file)
    dates = _read(times, table, "date").cast(pa.date32())
    measurements = pa.table(
        {
            **{name: table.column(name) for name in table.column_names if name not in ("date", "value")},
            "date": dates,
            "value": _read(numbers, table, "value"),
            "pollutant": _read(column, table, "pollutant"),
            "unit": _read(column, table, "unit"),
        }
    )
    found = air_quality_index(measurements)
    rows = found.to_pylist()
    if as_json:
        print_json(rows)
    else:
        shown = ("date", "pollutant", "value", "unit", "aqi", "category", "problem")
        print_table(shown, [tuple(row[name] for name in shown) for row in rows[:SHOWN]])
        best = pc.max(found.column("aqi")).as_py()
        if best is not None:
            console().print(f"Highest index: {best}")
        if any(row["problem"] == "unknown_pollutant" for row in rows):
            console().print(f"Pollutants are {', '.join(pollutants())}")
    if any(row["problem"] for row in rows):
        raise typer.Exit(1)


def _must_exist(file: Path) -> None:
    if not file.is_file():
        raise WrongUsage(f"nothing at {file}")


def _read(function: Any, *arguments: Any) -> Any:
    from wearables.columns import BadTable

    try:
        return function(*arguments)
    except BadTable as error:
        raise BadData(str(error)) from None
