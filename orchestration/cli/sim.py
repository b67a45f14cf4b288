"""``twin simulate`` and ``twin sim``: scenarios for people, and fitting a model to a person."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestration.cli.failures import BadData, OneLine, WrongUsage
from orchestration.cli.output import AsJson, console, print_json, print_table, progress, settings
from orchestration.cli.sbml import RESEARCH_USE

if TYPE_CHECKING:
    from simulation.personal.fit import Fit
    from simulation.personal.glucose_record import GlucoseRecord

app = typer.Typer(cls=OneLine, no_args_is_help=True, help="Models and personal fits.", rich_markup_mode="rich")

Model = Annotated[str, typer.Argument(help="An authored model (twin sim models).")]


@app.command()
def models(as_json: AsJson = False) -> None:
    """List the authored models with source, credibility and ranges.

    Example: twin sim models
    """
    from simulation.models import catalogue

    found = [catalogue.card(name) for name in catalogue.names()]
    if as_json:
        print_json([one.model_dump() | {"sha256": catalogue.sha256(one.name)} for one in found])
    else:
        print_table(
            ("model", "what", "a scenario may hold", "source", "credibility"),
            [(one.name, one.title, one.takes.words, one.source, one.credibility) for one in found],
        )
        console().print(f"{RESEARCH_USE}.")


def simulate(
    model: Model,
    scenario: Annotated[
        Path,
        typer.Option("--scenario", help="YAML: name, duration, from (a date), interventions, steps, variant."),
    ],
    cohort: Annotated[
        Path | None, typer.Option("--cohort", help="CSV: person_id and one column per parameter.")
    ] = None,
    person: Annotated[
        list[str] | None, typer.Option("--person", help="A person_id of the published snapshot; may be repeated.")
    ] = None,
    members: Annotated[
        int, typer.Option("--members", min=1, max=1_000, help="People simulated per person, over what is not known.")
    ] = 20,
    trace: Annotated[Path | None, typer.Option("--trace", help="Also write the courses to this Parquet file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Run a scenario of dated interventions for people of the snapshot or of a table: p05, p50 and p95 of each outcome.

    An intervention is {at: DATE or number, and one of} meal: g; start or change: DRUG, mg: a day (every: HOURS where
    the model follows single doses); stop: DRUG; dose: DRUG, amount; lifestyle: NAME, value; set: {symbol: value}. What
    a model takes stands in `twin sim models`. A person who cannot be simulated, or must not take a drug, is a row with
    a reason, never dropped.

    Example: twin simulate meal_glucose --person P0123456789abcdef --scenario lunch.yaml
    """
    from orchestration.cli.treat import published
    from simulation import outlook
    from simulation.models import catalogue
    from simulation.scenario import BadScenario, of_twins, read_cohort, read_scenario

    if (cohort is None) == (not person):
        raise WrongUsage("say who: either --person or --cohort FILE")
    for path in (cohort, scenario):
        if path is not None and not path.is_file():
            raise WrongUsage(f"nothing at {path}")
    try:
        card = catalogue.card(model)
        planned = read_scenario(scenario)
        twins = [] if cohort else published(list(dict.fromkeys(person or [])))
        people = read_cohort(cohort) if cohort else of_twins(model, twins)
        with progress("simulating", quiet=as_json) as tell:
            tell(f"simulating {len(people)} people with {members} members each")
            found = outlook.run(model, people, planned, twins=twins, members=members)
    except (BadScenario, KeyError) as error:
        raise WrongUsage(str(error.args[0])) from None
    if trace is not None:
        _write_trace(trace, found.traces(card))
    if as_json:
        print_json({"note": RESEARCH_USE, "rows": found.rows})
        return
    header = ("person_id", "outcome", "unit", "status", "p05", "p50", "p95", "reason")
    print_table(header, [tuple(row[name] for name in header) for row in found.rows])
    console().print(f"{model}: {card.credibility}. {RESEARCH_USE}.", markup=False)


def _write_trace(path: Path, rows: list[dict[str, Any]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        pq.write_table(pa.Table.from_pylist(rows), path)
    except OSError as error:
        raise WrongUsage(f"{path} cannot be written: {error.strerror or error}") from None


@app.command()
def validate(as_json: AsJson = False) -> None:
    """Hold every model against published figures, conservation laws and the other engine; misses of trials stay.

    Exit status 1 if a model fails.

    Example: twin sim validate
    """
    from simulation import qualification

    found = qualification.validate()
    if as_json:
        print_json({"note": RESEARCH_USE, "targets": qualification.rows(found)})
    else:
        print_table(
            ("model", "target", "published", "found", "role", "verified", "verdict"),
            [(one.model, one.target, one.expected, one.found, one.role, one.is_verified, one.verdict) for one in found],
        )
        console().print(f"{RESEARCH_USE}.")
    if failed := sum(one.verdict == "fail" for one in found):
        raise BadData(f"{failed} targets are not met")


@app.command()
def network(
    file: Annotated[Path, typer.Argument(help="JSON of svZeroDSolver: vessels, junctions, boundary_conditions.")],
    as_json: AsJson = False,
) -> None:
    """Flows and pressures of vessels, valves and hearts over the last cycle; what cannot be solved is refused by name.

    Example: twin sim network bifurcation.json
    """
    from simulation.engine.network import BadNetwork, solve
    from simulation.engine.sbml import Unsupported

    if not file.is_file():
        raise WrongUsage(f"nothing at {file}")
    try:
        found = solve(file.read_text())
    except Unsupported as error:
        raise BadData(f"{file.name} has {error}, which are not supported") from None
    except (BadNetwork, UnicodeDecodeError) as error:
        raise BadData(f"{file.name}: {error}") from None
    if as_json:
        vessels = {name: {kind: list(y) for kind, y in one.items()} for name, one in found.vessels.items()}
        inside = {name: list(y) for name, y in found.inside.items()}
        print_json({"note": RESEARCH_USE, "times": list(found.times), "vessels": vessels, "inside": inside})
        return
    rows = [
        (name, kind.replace("_", " "), *(f"{value:.6g}" for value in (y.min(), y.mean(), y.max())))
        for name, one in found.vessels.items()
        for kind, y in one.items()
    ]
    print_table(("vessel", "what", "smallest", "mean", "largest"), rows)
    console().print(f"{RESEARCH_USE}.")


@app.command()
def fit(
    model: Model,
    data: Annotated[Path, typer.Option("--data", help="CSV: Time, CGM mg/dL, CHO g/min, insulin U/min, perhaps BG.")],
    population: Annotated[Path, typer.Option("--population", help="CSV of other people's parameters: the prior.")],
    person: Annotated[str, typer.Option("--person", help="group#name; the prior is the group without the person.")],
    weight: Annotated[float | None, typer.Option("--weight", help="kg; default from the population table.")] = None,
    hours: Annotated[float, typer.Option("--hours", help="Hours of the record to fit; the rest is forecast.")] = 16,
    members: Annotated[int, typer.Option("--members", min=20, max=20_000, help="Ensemble per round.")] = 600,
    state: Annotated[
        Path | None,
        typer.Option("--state", help="What was learnt: read where it exists, so that a longer record goes on from it."),
    ] = None,
    log: Annotated[bool, typer.Option("--log", help="Log the calibration as a run in MLflow.")] = False,
    as_json: AsJson = False,
) -> None:
    """Fit a model to a person's own record and forecast what came after, next to the prior and to persistence.

    With [bold]--state[/] the fit goes on from what an earlier one of the same record learnt, at half the cost.

    Example: twin sim fit type_1_glucose --data cgm.csv --population patients.csv --person 'adult#003'
    """
    from simulation.personal import fit as fitting
    from simulation.personal import glucose_record
    from simulation.personal import population as populations

    if model != fitting.MODEL:
        raise WrongUsage(f"no fit for {model!r}; there is one for {fitting.MODEL}")
    for path in (data, population):
        if not path.is_file():
            raise WrongUsage(f"nothing at {path}")
    try:
        everyone = populations.read(population)
        record = glucose_record.read(data)
        if weight is None:
            if person not in everyone.people:
                raise WrongUsage(f"{person!r} is not in {population.name}: say --weight")
            weight = float(everyone.values["BW"][everyone.people.index(person)])
        prior = populations.prior(everyone.others(person), weight=weight, basal=float(record.insulin[0]))
        with progress("fitting", quiet=as_json) as tell:
            tell(f"fitting {members} members")
            start = fitting.posterior(state.read_text()) if state and state.exists() else None
            found = fitting.fit(record, prior, hours * 60, members=members, start=start)
    except (glucose_record.BadRecord, populations.BadPopulation, ValueError) as error:
        raise BadData(str(error)) from None
    row = _judged(data.name, found, record, hours)
    if state is not None:
        state.write_text(found.learnt.as_json())
    if log:
        row["mlflow run"] = _logged(found, row, members)
    if as_json:
        print_json({"note": RESEARCH_USE, "fits": [row | {"quantiles": found.quantiles}]})
        return
    print_table(("figure", "value"), list(row.items()))
    console().print(f"Future meals and insulin are taken as known. {RESEARCH_USE}.")


def _logged(found: Fit, row: dict[str, Any], members: int) -> str:
    from orchestration.simulation_log import logged
    from simulation.models import catalogue
    from simulation.personal.fit import MODEL

    params = {"model": MODEL, "model_sha256": catalogue.sha256(MODEL), "members": members}
    names = {name: name.replace(" ", "_").replace("%", "percent").replace("/", "of") for name in row}
    metrics = {names[name]: float(value) for name, value in row.items() if isinstance(value, int | float)}
    digest = {"data_digest": found.learnt.digest}
    return logged(settings(), MODEL, "calibration", params | digest, metrics, status=found.status)


def _judged(name: str, found: Fit, record: GlucoseRecord, hours: float) -> dict[str, Any]:
    """How the forecast compares with what came: blood glucose where it was measured, else the sensor."""
    import numpy as np

    later = record.minutes > hours * 60
    truth = np.where(np.isnan(record.reference), record.sensor, record.reference)[later]
    last = record.sensor[~later & ~np.isnan(record.sensor)][-1]
    return {
        "file": name,
        "status": found.status,
        "reason": found.reason,
        "values fitted": found.n_observed,
        "people simulated": found.simulated,
        "members failed": found.n_failed,
        "effective members": round(found.effective, 1),
        "temper": found.temper,
        "rmse fitted": found.posterior.rmse(truth),
        "rmse prior": found.prior.rmse(truth),
        "rmse persistence": float(np.sqrt(np.nanmean((last - truth) ** 2))),
        "coverage of 90 %": found.posterior.coverage(truth),
        "interval width / prior": found.posterior.width / found.prior.width,
    }
