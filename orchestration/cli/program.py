"""The program: global options and the list of commands."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli import (
    alarms,
    build,
    circadian,
    code,
    deid,
    dicom,
    docs,
    dq,
    equation,
    export,
    features,
    fhir,
    findings,
    genotype,
    land,
    link,
    map,
    measure,
    measurements,
    messages,
    metrics,
    ml,
    ml_evaluation,  # noqa: F401  (its commands join the group of ml)
    ml_upkeep,  # noqa: F401  (its commands join the group of ml)
    omh,
    person,
    pgs,
    pgx,
    pk,
    publish,
    query,
    sbml,
    sim,
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


PANELS: dict[str, list[Callable[..., None] | tuple[str, typer.Typer]]] = {
    "The platform": [
        synth.demo,
        synth.synth,
        land.land,
        build.build,
        status.status,
        sources.sources,
        query.query,
        metrics.metrics,
        dq.dq,
        publish.publish,
        docs.docs,
        ui.ui,
    ],
    "People": [person.state, person.timeline, link.link, ("deid", deid.app)],
    "Records and exchange": [
        ("fhir", fhir.app),
        ("hl7", messages.hl7),
        ("ccda", messages.ccda),
        ("dicom", dicom.app),
        ("map", map.app),
        ("code", code.app),
        ("ucum", ucum.app),
        ("measure", measure.app),
        ("export", export.app),
        ("omop", export.omop_app),
    ],
    "Devices": [
        ("wearable", wearable.app),
        ("omh", omh.app),
        ("cgm", measurements.cgm),
        measurements.hrv,
        circadian.circadian,
        measurements.score,
        measurements.aqi,
        alarms.watch,
        ("alarms", alarms.app),
    ],
    "Genomes": [
        ("vcf", vcf.app),
        genotype.genotype,
        ("pgs", pgs.app),
        ("pgx", pgx.app),
        findings.findings,
    ],
    "Risk": [features.features, ("ml", ml.app), equation.equation],
    "Simulation": [
        sim.simulate,
        ("sim", sim.app),
        treat.treat,
        ("trial", trial.app),
        ("pk", pk.app),
        ("sbml", sbml.app),
    ],
}
"""Commands and groups of commands, as the help lists them."""

for _panel, _commands in PANELS.items():
    for _one in _commands:
        if isinstance(_one, tuple):
            app.add_typer(_one[1], name=_one[0], rich_help_panel=_panel)
        else:
            app.command(rich_help_panel=_panel)(_one)
