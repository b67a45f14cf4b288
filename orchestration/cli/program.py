"""The program: global options and the list of commands."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli import (
    alarms,
    build,
    code,
    dicom,
    equation,
    export,
    fhir,
    findings,
    genotype,
    land,
    link,
    map,
    measure,
    measurements,
    messages,
    ml,
    omh,
    person,
    pgs,
    pgx,
    pk,
    publish,
    query,
    sbml,
    sources,
    status,
    synth,
    treat,
    trial,
    ucum,
    ui,
    vcf,
    wearable,
)
from orchestration.cli.failures import OneLine

HELP = """The human twin platform: from raw EHR extracts, wearable dumps and VCF files to a twin of every person.

State lives in the folder TWIN_HOME (default ./twin_home). Exit status: 0 fine, 1 the data is bad, 2 wrong usage.
Research use, not for care.

Example:  twin land export.zip --source apple_health --account A17  then  twin build  then  twin status
"""

app = typer.Typer(
    cls=OneLine,
    help=HELP,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def options(
    home: Annotated[
        Path | None, typer.Option("--home", help="Folder of all state; the same as setting TWIN_HOME.")
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Options of every command; ``--debug`` is taken out of the arguments before they come here."""
    if home is not None:
        os.environ["TWIN_HOME"] = str(home.expanduser().resolve())


app.command()(synth.demo)
app.command()(synth.synth)
app.command()(land.land)
app.command()(build.build)
app.command()(status.status)
app.command()(query.query)
app.command()(sources.sources)
app.command()(publish.publish)
app.command()(link.link)
app.command()(person.state)
app.command()(person.timeline)
app.add_typer(export.app, name="export")
app.add_typer(export.omop_app, name="omop")
app.add_typer(ml.app, name="ml")
app.command()(equation.equation)
app.add_typer(map.app, name="map")
app.add_typer(code.app, name="code")
app.add_typer(fhir.app, name="fhir")
app.add_typer(messages.hl7, name="hl7")
app.add_typer(messages.ccda, name="ccda")
app.add_typer(dicom.app, name="dicom")
app.add_typer(wearable.app, name="wearable")
app.add_typer(omh.app, name="omh")
app.add_typer(measurements.cgm, name="cgm")
app.command()(alarms.watch)
app.add_typer(alarms.app, name="alarms")
app.command()(measurements.hrv)
app.command()(measurements.score)
app.command()(measurements.aqi)
app.add_typer(ucum.app, name="ucum")
app.add_typer(measure.app, name="measure")
app.add_typer(vcf.app, name="vcf")
app.add_typer(pgs.app, name="pgs")
app.add_typer(pgx.app, name="pgx")
app.command()(findings.findings)
app.command()(genotype.genotype)
app.add_typer(sbml.app, name="sbml")
app.add_typer(pk.app, name="pk")
app.add_typer(trial.app, name="trial")
app.command()(treat.treat)
app.command()(ui.ui)
