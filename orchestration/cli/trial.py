"""``twin trial``: simulated trials, and published ones predicted again."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.failures import OneLine, WrongUsage
from orchestration.cli.output import AsJson, console, print_json, print_table
from orchestration.cli.sbml import RESEARCH_USE

app = typer.Typer(cls=OneLine, no_args_is_help=True, help="Trials on virtual people.", rich_markup_mode="rich")


@app.command()
def run(
    spec: Annotated[Path, typer.Argument(help="YAML: name, persons, effect, noise, weights, trials, seed …")],
    as_json: AsJson = False,
) -> None:
    """Simulate a randomised trial many times and compare its analyses: unadjusted, and with a prognostic score.

    Example: twin trial run spec.yaml
    """
    from simulation.trials.simulate import BadSpec, read_spec
    from simulation.trials.simulate import run as simulate

    if not spec.is_file():
        raise WrongUsage(f"nothing at {spec}")
    try:
        found = simulate(read_spec(spec))
    except BadSpec as error:
        raise WrongUsage(str(error)) from None
    if as_json:
        print_json(found.as_dict())
        return
    print_table(
        ("analysis", "bias", "95 % coverage", "power"),
        [
            ("unadjusted", found.bias_unadjusted, found.coverage_unadjusted, found.power_unadjusted),
            ("prognostic score", found.bias_adjusted, found.coverage_adjusted, found.power_adjusted),
        ],
        title=f"{found.name}: {found.trials:,} trials of {found.persons:,} persons",
    )
    console().print(
        f"The score explains {found.r2:.1%} of the outcome's variance; the variance of the estimate falls to"
        f" {found.variance_ratio:.3f} ({found.expected_ratio:.3f} expected). {found.persons_needed:,} persons would do."
        f" {RESEARCH_USE}."
    )


@app.command()
def published(as_json: AsJson = False) -> None:
    """Published trials predicted from the difference in LDL or blood pressure alone: hits and misses.

    Example: twin trial published
    """
    from simulation.trials.retrodict import retrodictions

    found = retrodictions()
    if as_json:
        print_json({"note": RESEARCH_USE, "trials": [asdict(one) for one in found]})
        return
    print_table(
        ("trial", "year", "predicted", "observed", "95 % interval", "role", "inside"),
        [
            (one.trial, str(one.year), one.predicted, one.observed, f"{one.lower} to {one.upper}", one.role, one.inside)
            for one in found
        ],
    )
    for role in ("calibration", "external"):
        mine = [one for one in found if one.role == role]
        console().print(f"{role}: {sum(one.inside for one in mine)} of {len(mine)} inside the published interval")
    console().print(f"Inputs are from memory of the papers and unverified. {RESEARCH_USE}.")
