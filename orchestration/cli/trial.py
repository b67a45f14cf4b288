"""``twin trial``: simulated trials, and published ones predicted again."""

from __future__ import annotations

import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import yaml

from orchestration.cli.failures import BadData, OneLine, WrongUsage
from orchestration.cli.output import AsJson, console, print_json, print_table, settings
from orchestration.cli.sbml import RESEARCH_USE

if TYPE_CHECKING:
    from simulation.trials.cohort_trial import CohortOutcome
    from simulation.trials.simulate import Outcome

app = typer.Typer(cls=OneLine, no_args_is_help=True, help="Trials on virtual people.", rich_markup_mode="rich")


@app.command()
def run(
    spec: Annotated[Path, typer.Argument(help="YAML: see the examples.")],
    picture: Annotated[
        Path | None, typer.Option("--picture", help="Draw the analyses as a forest plot (PNG, PDF or SVG).")
    ] = None,
    log: Annotated[bool, typer.Option("--log", help="Log figures and forest plot as a run in MLflow.")] = False,
    as_json: AsJson = False,
) -> None:
    """Simulate a randomised trial many times and compare its analyses.

    With [bold]eligibility[/] (SQL conditions over marts_analyst.patient_summary), virtual people are drawn from the
    published snapshot: {name, eligibility: [...], covariates: [...], drugs: [{drug, mg}], persons, years}. Without it,
    covariates are made up: {name, persons, effect, noise, weights}.

    Example: twin trial run spec.yaml
    """
    if not spec.is_file():
        raise WrongUsage(f"nothing at {spec}")
    try:
        content = yaml.safe_load(spec.read_text())
    except yaml.YAMLError as error:
        raise WrongUsage(f"{spec.name} is not YAML: {error}") from None
    if isinstance(content, dict) and "eligibility" in content:
        _in_the_warehouse(content, spec.name, _Shown(as_json, picture, log))
    else:
        _made_up(spec, _Shown(as_json, picture, log))


@dataclass(frozen=True)
class _Shown:
    """How a trial is told."""

    as_json: bool
    picture: Path | None
    log: bool

    def keep(
        self, found: CohortOutcome | Outcome, truth: float, effect: str, rows: list[tuple[str, float, float]]
    ) -> None:
        """Draw, and log, where that was asked for."""
        from simulation.pictures import trial_forest

        title = f"{found.name}: {found.trials:,} trials of {found.persons:,} virtual people"
        with tempfile.TemporaryDirectory() as folder:
            path = self.picture or Path(folder) / "trial.png"
            if self.picture or self.log:
                try:
                    trial_forest(title, truth, rows, effect, path)
                except (OSError, ValueError) as error:
                    raise WrongUsage(f"{path} cannot be drawn: {error}") from None
            if self.log:
                from orchestration.simulation_log import logged

                told = {key: value for key, value in found.as_dict().items() if isinstance(value, int | float)}
                errors = {f"{name.replace(' ', '_')}.standard_error": error for name, _, error in rows}
                run = logged(settings(), found.name, "trial", {"trial": found.name}, told | errors, [path])
                typer.echo(f"MLflow run {run}", err=True)


def _in_the_warehouse(content: dict[str, Any], name: str, shown: _Shown) -> None:
    from lake import warehouse
    from simulation.treatment.layers import ImpossibleDose
    from simulation.trials import cohort_trial
    from simulation.trials.population import BadPopulation, eligible

    home = settings()
    if not home.snapshot.exists():
        raise BadData(f"no snapshot in {home.published}; run `twin build` first")
    try:
        spec = cohort_trial.read_spec(content, name)
        with warehouse.reading(home) as connection:
            people = eligible(connection, spec.eligibility, spec.covariates)
        found = cohort_trial.run(spec, people)
    except (BadPopulation, ImpossibleDose) as error:
        raise WrongUsage(str(error)) from None
    rows = [(one.name, one.estimate, one.standard_error) for one in found.analyses]
    shown.keep(found, found.risk_difference, "Difference of risk", rows)
    if shown.as_json:
        print_json(found.as_dict())
        return
    print_table(("eligibility", "people left"), [(step, f"{n:,}") for step, n in found.attrition])
    print_table(
        ("analysis", "estimate", "bias", "standard error", "95 % coverage", "power"),
        [(one.name, one.estimate, one.bias, one.standard_error, one.coverage, one.power) for one in found.analyses],
        title=f"{found.name}: {found.trials:,} trials of {found.persons:,} virtual people; differences of risk",
    )
    print_table(
        ("persons", "power unadjusted", "power with score"), [(f"{n:,}", a, b) for n, a, b in found.power_by_persons]
    )
    say = console().print
    say(
        f"True difference {found.risk_difference:.4f} (mean hazard ratio {found.hazard_ratio:.3f}). The score explains"
        f" {found.r2:.1%}: {found.persons_needed:,} persons would do. E-value {found.e_value:.2f}."
    )
    say(
        f"Privacy: {found.privacy.n_copies} virtual people equal a real one, {found.privacy.share_close:.1%} are"
        " as close as the closest 5 % of real people are to each other."
    )
    say(f"Side effects: {found.side_effects or 'none in the table'}. {RESEARCH_USE}.", markup=False)


def _made_up(spec: Path, shown: _Shown) -> None:
    from simulation.trials.simulate import BadSpec, read_spec
    from simulation.trials.simulate import run as simulate

    try:
        about = read_spec(spec)
        found = simulate(about)
    except BadSpec as error:
        raise WrongUsage(str(error)) from None
    rows = [
        ("unadjusted", about.effect + found.bias_unadjusted, found.error_unadjusted),
        ("prognostic score", about.effect + found.bias_adjusted, found.error_adjusted),
    ]
    shown.keep(found, about.effect, "Difference of the outcome", rows)
    if shown.as_json:
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
        ("trial", "year", "predicted", "observed", "95 % interval", "role", "inside", "read"),
        [
            (
                one.trial,
                str(one.year),
                one.predicted,
                one.observed,
                f"{one.lower} to {one.upper}",
                one.role,
                one.inside,
                one.is_verified,
            )
            for one in found
        ],
    )
    for role in ("calibration", "external"):
        mine = [one for one in found if one.role == role]
        console().print(f"{role}: {sum(one.inside for one in mine)} of {len(mine)} inside the published interval")
    console().print(f"Where nothing was read again, figures are from memory of the papers. {RESEARCH_USE}.")
