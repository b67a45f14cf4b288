"""``twin build``: bring everything up to date."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.cli.failures import BadData
from orchestration.cli.output import AsJson, console, print_json, print_table, progress, settings
from orchestration.cli.refusals import print_refused

if TYPE_CHECKING:
    from lake.settings import Settings
    from orchestration.build import BuildReport


def build(
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 if any file was refused.")] = False,
    retry_refused: Annotated[
        bool, typer.Option("--retry-refused", help="Read again the files that were refused whole, as after an upgrade.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Take in what has landed, build the warehouse, train and score the models, publish. Does only what is stale.

    The runs are kept in the home, so `twin ui` shows them. Exit status 1 if something could not be built (the last
    published snapshot stays), or if no new file could be used.

    Example: twin build
    """
    home = settings()
    report = run(home, as_json, retry_refused)
    show(home, report, as_json)
    judge(report, strict)


def run(home: Settings, quiet: bool, retry_refused: bool = False) -> BuildReport:
    """Build with progress on stderr."""
    from orchestration.build import build as bring_up_to_date

    with progress("building", quiet) as tell:
        return bring_up_to_date(home, tell, retry_refused)


def show(home: Settings, report: BuildReport, as_json: bool) -> None:
    """Print what the build did."""
    if as_json:
        print_json({**asdict(report), "snapshot": home.snapshot})
    elif report.did_nothing:
        console().print(f"Everything is up to date: {home.snapshot}")
    else:
        rows = [(one.what, "done" if one.ok else "failed", round(one.seconds, 1), one.run_id) for one in report.runs]
        print_table(("run", "result", "seconds", "Dagster run"), rows)
        print_refused(report.refused)
        console().print(
            f"{sum(report.files.values())} new files, {report.records_read:,} records read,"
            f" {report.records_rejected:,} rejected (twin status says why), {report.seconds:.1f} s"
        )
        if report.ok:
            console().print(f"Published: {home.snapshot}")


def judge(report: BuildReport, strict: bool) -> None:
    """Fail where the data was bad.

    Raises:
        BadData: nothing was published, or none of the new files could be used.
    """
    if not report.ok:
        failed = f" ({', '.join(report.failed)})" if report.failed else ""
        raise BadData(f"not published{failed}; the last snapshot stays. `twin ui` shows the failed run")
    if report.refused and (strict or set(report.files) == {"rejected"}):
        raise BadData(f"{len(report.refused)} of {sum(report.files.values())} new files were refused")
