"""``twin equation``: a clinical equation over any table of inputs."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestration.cli.failures import BadData, WrongUsage
from orchestration.cli.output import AsJson, console, print_json, print_table

if TYPE_CHECKING:
    from ml.equations.base import Equation, Floats
    from ml.equations.table import TableResult

NOTE = "Research use, not for care."


def equation(
    name: Annotated[str, typer.Argument(help="Which equation; --list names them.")] = "",
    file: Annotated[
        Path | None,
        typer.Argument(help="CSV, Parquet or JSON with one row per person; without it, the inputs are told."),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option("--column", metavar="INPUT=HEADER[@UNIT]", help="Which column feeds an input, and its UCUM unit."),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write all rows to this .csv or .parquet file.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Rows to print; JSON and --out hold all.")] = 20,
    as_list: Annotated[bool, typer.Option("--list", help="List the equations.")] = False,
    as_json: AsJson = False,
) -> None:
    """Compute a clinical equation for every row of a table, and say which inputs were defaulted or out of range.

    A column feeds the input of its name or of a usual other name; a header may say its unit: "hba1c [mmol/mol]",
    "hdl_mmol_l". Exit status 1 if the table cannot feed the equation, or no row has a result.

    Example: twin equation prevent_ascvd_10y people.csv --column systolic_bp=rr_sys
    """
    from ml.equations import EQUATIONS

    if as_list:
        _print_all(list(EQUATIONS.values()), as_json)
        return
    if not name:
        raise WrongUsage("name an equation, or see them all with --list")
    if name not in EQUATIONS:
        near = difflib.get_close_matches(name, EQUATIONS, n=4, cutoff=0.3)
        hint = f"; near are {', '.join(near)}" if near else ""
        raise WrongUsage(f"no equation {name!r}{hint}; `twin equation --list` names all")
    if file is None:
        _print_one(EQUATIONS[name], as_json)
        return
    result = _computed(EQUATIONS[name], file, column or [])
    if out is not None:
        _write(result, out)
    if as_json:
        print_json(_document(result))
    else:
        _print_result(result, limit, out)
    if not result.with_result:
        raise BadData(f"no row of {file.name} has what {name} needs")


def _computed(one: Equation, file: Path, pairs: list[str]) -> TableResult:
    from ml.equations import table
    from ml.equations.base import ImpossibleUnit

    if wrong := [pair for pair in pairs if "=" not in pair]:
        raise WrongUsage(f"--column takes INPUT=HEADER, not {wrong[0]!r}")
    mapping = dict(pair.split("=", 1) for pair in pairs)
    try:
        return table.compute(one, table.read(file), mapping=mapping, convert=_convert)
    except (table.BadTable, ImpossibleUnit) as error:
        raise BadData(str(error)) from None


def _convert(values: Floats, from_unit: str, to_unit: str, concept: str) -> Floats:
    """Convert as the warehouse does; every conversion it knows between these units is a line."""
    from ehr.terminology.ucum import convert

    at_one, at_two = (convert(value, from_unit, to_unit, concept).result for value in (1.0, 2.0))
    return values * (at_two - at_one) + (2 * at_one - at_two)


def _print_all(equations: list[Equation], as_json: bool) -> None:
    if as_json:
        print_json([_described(one) for one in equations])
        return
    rows = [(one.name, one.title, one.result, one.citation, one.verified) for one in equations]
    print_table(("equation", "what", "result", "source", "checked against"), rows)


def _print_one(one: Equation, as_json: bool) -> None:
    if as_json:
        print_json(_described(one))
        return
    console().print(f"{one.title}. {one.citation}. {one.notes}", markup=False)
    rows = [(i["name"], i["unit"], i["low"], i["high"], i["unknown"], i["codes"]) for i in _described(one)["inputs"]]
    print_table(("input", "unit", "from", "to", "if unknown", "words"), rows)
    if one.notice:
        console().print(one.notice, markup=False)


def _described(one: Equation) -> dict[str, Any]:
    return {
        "name": one.name,
        "title": one.title,
        "outcome": one.outcome,
        "horizon_days": one.horizon_days or None,
        "result": one.result,
        "citation": one.citation,
        "notes": one.notes,
        "verified": one.verified,
        "notice": one.notice or None,
        "inputs": [
            {
                "name": i.name,
                "unit": i.unit,
                "low": i.low,
                "high": i.high,
                "unknown": "no result" if i.default is None else "own term" if i.default != i.default else i.default,
                "codes": ", ".join(f"{word} {value:g}" for word, value in i.codes.items()),
            }
            for i in one.inputs
        ],
    }


def _document(result: TableResult) -> dict[str, Any]:
    return {
        "equation": result.equation.name,
        "citation": result.equation.citation,
        "result": result.equation.result,
        "columns": [{"input": o.input, "header": o.header, "unit": o.unit} for o in result.columns],
        "ignored_columns": list(result.ignored),
        "rows": result.rows,
        "with_result": result.with_result,
        "without_result": result.rows - result.with_result,
        "counts": result.counts,
        "notice": result.equation.notice or None,
        "note": NOTE,
        "results": result.table.to_pylist(),
    }


def _print_result(result: TableResult, limit: int, out: Path | None) -> None:
    rows = result.table.slice(0, limit).to_pylist()
    shown = [
        name for name in result.table.column_names if name == "row" or any(row[name] not in ("", None) for row in rows)
    ]
    console().print(result.equation.title, style="bold", markup=False)
    print_table(shown, [[row[name] for name in shown] for row in rows])
    if result.counts:
        kinds = ("defaulted", "out_of_range", "impossible", "missing", "unreadable")
        counts = [(name, *(found.get(kind, 0) for kind in kinds)) for name, found in result.counts.items()]
        print_table(
            ("input", *(kind.replace("_", " ") for kind in kinds)), counts, title="Rows by what was wrong with an input"
        )
    fed = ", ".join(f"{o.input} from {o.header}{f' in {o.unit}' if o.unit else ''}" for o in result.columns)
    lines = [f"{result.with_result:,} of {result.rows:,} rows have a result. Read {fed}."]
    if result.ignored:
        lines.append(f"Not read: {', '.join(result.ignored)}.")
    if out is not None:
        lines.append(f"All rows are in {out}.")
    elif result.rows > limit:
        lines.append(f"The first {limit} rows; --limit shows more, --json and --out hold all.")
    lines.append(result.equation.notice or NOTE)
    console().print("\n".join(lines), markup=False)


def _write(result: TableResult, out: Path) -> None:
    import pyarrow.csv
    import pyarrow.parquet

    writers = {".csv": pyarrow.csv.write_csv, ".parquet": pyarrow.parquet.write_table}
    if out.suffix not in writers:
        raise WrongUsage(f"--out writes .csv or .parquet, not {out.name}")
    writers[out.suffix](result.table, out)
