"""``twin dicom``: read headers of DICOM files without landing them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestration.cli.failures import BadData, OneLine
from orchestration.cli.output import AsJson, console, print_json, print_table
from orchestration.cli.paths import files_below

if TYPE_CHECKING:
    from lake.preview import Preview

app = typer.Typer(cls=OneLine, no_args_is_help=True, help="Look into DICOM files.", rich_markup_mode="rich")

SERIES = ("study_id", "series_id", "modality", "body_part", "study_description", "series_description")


@app.callback()
def _dicom() -> None:
    """Keep ``read`` a command of its own."""


@app.command()
def read(
    paths: Annotated[list[Path], typer.Argument(help="Files, or folders of files.")], as_json: AsJson = False
) -> None:
    """List the series of DICOM files: study, modality, body part, start and number of instances; never who it is.

    Only headers are read, never pixels. Nothing is landed. Exit status 1 if a file could not be read.

    Example: twin dicom read ~/images
    """
    from ehr.dicom.reader import READERS
    from lake.preview import preview

    found = preview(files_below(paths), READERS)
    series = _series(found)
    bad = [(one.path.name, one.refused) for one in found if one.refused]
    bad += [(one.path.name, f"{why.reason}: {why.detail}") for one in found for why in one.rejected]
    ignored = sum(one.records.get("ignored", 0) for one in found)
    if as_json:
        problems = [{"file": name, "reason": reason} for name, reason in bad]
        print_json({"files": len(found), "series": series, "ignored": ignored, "problems": problems})
    else:
        header = ("study", "series", "modality", "body part", "study description", "series description")
        rows = [[row[name] or "" for name in (*SERIES, "started", "instances")] for row in series]
        print_table((*header, "started", "instances"), rows)
        if bad:
            print_table(("file", "why"), bad[:50], "Rejected")
        console().print(f"{len(found)} files, {len(series)} series, {ignored} ignored, {len(bad)} rejected")
    if bad:
        raise BadData(f"{len(bad)} of {len(found)} files could not be read")


def _series(found: list[Preview]) -> list[dict[str, Any]]:
    """One row per series, in the order of first appearance."""
    series: dict[tuple[str, str], dict[str, Any]] = {}
    for one in found:
        for table in one.tables.values():
            for row in table.to_pylist():
                started = row["series_started_iso"] or row["study_started_iso"]
                new = {name: row[name] for name in SERIES} | {"started": started, "instances": 0}
                series.setdefault((row["study_id"], row["series_id"]), new)["instances"] += 1
    return list(series.values())
