"""``twin export``: the published snapshot as OMOP CDM, MEDS or FHIR; ``twin omop check``: OHDSI's checks over a CDM."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from orchestration.cli.failures import BadData, OneLine, WrongUsage
from orchestration.cli.output import AsJson, console, print_json, print_table, settings

if TYPE_CHECKING:
    from ehr.exchange.dqd import Report
    from ehr.exchange.folder import Export

app = typer.Typer(
    cls=OneLine,
    no_args_is_help=True,
    help="Write the published snapshot as OMOP CDM 5.4 or 5.3, MEDS 0.4 or FHIR R4.",
    rich_markup_mode="rich",
)
omop_app = typer.Typer(
    cls=OneLine, no_args_is_help=True, help="Check a folder of OMOP CDM tables.", rich_markup_mode="rich"
)

Target = Annotated[Path, typer.Argument(help="Folder to write; new, empty, or an earlier export, which is replaced.")]
KnownAt = Annotated[
    str | None,
    typer.Option("--known-at", help="Only what was known at this moment, ISO 8601, UTC unless it has an offset."),
]
Controls = Annotated[
    Path | None,
    typer.Option(
        "--controls",
        help="Folder with OHDSI's control files (DataQualityDashboard, inst/csv). Default: TWIN_HOME/omop_dqd.",
    ),
]
Specification = Annotated[
    Path | None,
    typer.Option(
        "--ddl", help="Folder with OHDSI's DuckDB data definition of CDM 5.4: load into it and check all keys."
    ),
]


@app.command()
def omop(
    target: Target,
    known_at: KnownAt = None,
    file_format: Annotated[
        Literal["parquet", "csv"], typer.Option("--format", help="One file per table, as Parquet or CSV.")
    ] = "parquet",
    cdm: Annotated[Literal["5.4", "5.3"], typer.Option("--cdm", help="Version of the CDM.")] = "5.4",
    check: Annotated[bool, typer.Option("--check", help="Run OHDSI's data quality checks over the result.")] = False,
    controls: Controls = None,
    ddl: Specification = None,
    as_json: AsJson = False,
) -> None:
    """Write all tables of the OMOP CDM. The checks and the data definition are those of 5.4.

    Concepts come from the vocabulary that was landed (Athena's CONCEPT.csv and its neighbours); without one they are 0,
    and the site's own source concepts (from 2,000,000,000 on) say which code it was.

    Example: twin export omop ~/cdm --known-at 2024-01-01 --check --controls ~/dqd
    """
    from ehr.exchange import omop as room

    if cdm != "5.4" and (check or ddl):
        raise WrongUsage("--check and --ddl are for CDM 5.4")
    done = _run(
        lambda moment: room.export(settings(), target, known_at=moment, file_format=file_format, version=cdm), known_at
    )
    report = _report(target, controls) if check else None
    keys = _keys(target, ddl) if ddl else None
    _print(done, as_json, **({"checks": _summary(report)} if report else {}), **({"keys": keys} if ddl else {}))
    _conclude(report, keys, as_json)


@app.command()
def meds(
    target: Target,
    known_at: KnownAt = None,
    splits: Annotated[
        Path | None, typer.Option("--splits", help="CSV or Parquet with person_id and split (train, tuning, held_out).")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a MEDS 0.4 dataset. The column available_time says when an event was known; time says when it was true.

    Example: twin export meds ~/meds --splits splits.csv
    """
    from ehr.exchange import meds as room

    def run(moment: datetime | None) -> Export:
        try:
            return room.export(settings(), target, known_at=moment, splits=splits)
        except room.BadSplits as error:
            raise WrongUsage(str(error)) from None

    _print(_run(run, known_at), as_json)


@app.command()
def fhir(target: Target, known_at: KnownAt = None, as_json: AsJson = False) -> None:
    """Write FHIR R4 resources as NDJSON per type, with the manifest of a bulk export.

    Example: twin export fhir ~/fhir
    """
    from ehr.exchange import fhir as room

    _print(_run(lambda moment: room.export(settings(), target, known_at=moment), known_at), as_json)


@omop_app.command("check")
def check(
    folder: Annotated[Path, typer.Argument(help="Folder with one Parquet or CSV file per table of the CDM.")],
    controls: Controls = None,
    ddl: Specification = None,
    failed: Annotated[bool, typer.Option("--failed", help="List failed checks only.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run OHDSI's data quality checks over a folder of CDM tables. Exit status 1 if a fatal check or a key fails.

    Example: twin omop check ~/cdm --controls ~/dqd --failed
    """
    report = _report(folder, controls)
    keys = _keys(folder, ddl) if ddl else None
    shown = [one for one in report.checks if one.status == "failed" or not failed]
    if as_json:
        content = {**_summary(report), "checks": [{**asdict(one), "percent": one.percent} for one in shown]}
        print_json({**content, **({"keys": keys} if ddl else {})})
    else:
        _print_summary(report)
        rows = [
            (one.severity, one.name, one.table, one.field, one.concept, one.violated, one.of, one.threshold)
            for one in shown
            if one.status == "failed"
        ]
        header = ("severity", "check", "table", "field", "concept", "violated", "of", "threshold in %")
        print_table(header, rows, title="Failed")
    _conclude(report, keys, as_json)


def _run(export: Any, known_at: str | None) -> Export:
    from ehr.exchange.folder import NotEmpty
    from ehr.exchange.omop import BrokenKeys

    try:
        return export(_moment(known_at))
    except NotEmpty as error:
        raise WrongUsage(str(error)) from None
    except BrokenKeys as error:
        raise BadData(str(error)) from None


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise WrongUsage(
            f"--known-at {text!r} is no ISO 8601 time such as 2024-01-01 or 2024-01-01T12:00:00Z"
        ) from None
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _report(folder: Path, controls: Path | None) -> Report:
    from ehr.exchange.cdm import NotACdm
    from ehr.exchange.dqd import NoControls, check

    home = settings()
    try:
        return check(folder, controls or home.home / "omop_dqd", home.threads)
    except NoControls as error:
        raise WrongUsage(str(error)) from None
    except NotACdm as error:
        raise BadData(str(error)) from None


def _keys(folder: Path, ddl: Path) -> list[dict[str, object]]:
    import duckdb

    from ehr.exchange.cdm import NoSpecification, NotACdm, load_into_ddl

    try:
        _, broken = load_into_ddl(folder, ddl, settings().threads)
    except NoSpecification as error:
        raise WrongUsage(str(error)) from None
    except NotACdm as error:
        raise BadData(str(error)) from None
    except duckdb.Error as error:  # the message may quote a value
        raise BadData(f"the tables do not fit the official data definition: {type(error).__name__}") from None
    return [asdict(one) for one in broken]


def _summary(report: Report) -> dict[str, Any]:
    return {"checks_run": len(report.checks), "fatal": len(report.fatal), "by_severity": report.counts()}


def _print_summary(report: Report) -> None:
    rows = [
        (severity, one["passed"], one["failed"], one["not_applicable"]) for severity, one in report.counts().items()
    ]
    print_table(("severity", "passed", "failed", "not applicable"), rows, title="OHDSI data quality checks")


def _print(done: Export, as_json: bool, **more: Any) -> None:
    from ehr.exchange.lossy import NOT_CARRIED

    if as_json:
        print_json({**asdict(done), "not_carried": NOT_CARRIED[done.format], **more})
        return
    print_table(("file", "rows"), [(name, rows) for name, rows in done.rows.items() if rows])
    if done.left_out:
        print_table(("left out", "number"), sorted(done.left_out.items()))
    if checks := more.get("checks"):
        rows = [(name, *counts.values()) for name, counts in checks["by_severity"].items()]
        print_table(("severity", "passed", "failed", "not applicable"), rows, title="OHDSI data quality checks")
    console().print("Not carried: " + "; ".join(NOT_CARRIED[done.format]) + ".")
    console().print(f"Written: {done.path} ({done.bytes:,} bytes). Research use, not for care.")


def _conclude(report: Report | None, keys: list[dict[str, object]] | None, as_json: bool) -> None:
    """Exit with 1 if what was checked does not hold."""
    if keys and not as_json:
        print_table(("table", "key", "rows"), [tuple(one.values()) for one in keys], title="Keys that do not hold")
    if (report and report.fatal) or keys:
        raise typer.Exit(1)
