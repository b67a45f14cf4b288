"""``twin treat``: treatments compared for one person."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestration.cli.failures import BadData, WrongUsage
from orchestration.cli.output import AsJson, console, print_json, print_table, settings
from orchestration.cli.sbml import RESEARCH_USE

if TYPE_CHECKING:
    from simulation.people import Twin
    from simulation.treatment.compare import Option, Person


def treat(
    person: Annotated[str, typer.Argument(help="A person_id of the published snapshot, or a YAML file of a person.")],
    options: Annotated[
        Path, typer.Option("--options", help="YAML: a list of {name, drugs: [{drug, mg}], weight_loss_kg}.")
    ],
    as_json: AsJson = False,
) -> None:
    """Compare treatments: what is excluded and why, then benefit and harm in major events per 1,000 over ten years.

    Example: twin treat P0123456789abcdef --options options.yaml
    """
    from simulation.treatment.compare import as_rows, compare
    from simulation.treatment.layers import ImpossibleDose

    who = _person(person)
    try:
        found = compare([who], _options(options))
    except (ImpossibleDose, ValueError) as error:
        raise WrongUsage(str(error)) from None
    if as_json:
        print_json({"note": RESEARCH_USE, "person": who.model_dump(), "ranking": as_rows(found)})
        return
    rows = [
        (one.rank, one.option, one.benefit, one.harm, one.net, one.net_p05, one.net_p95, one.p_best, one.on_front)
        for one in found
        if one.rank
    ]
    header = ("rank", "option", "benefit", "harm", "net", "p05", "p95", "best in", "on the front")
    print_table(header, rows, title="Major events per 1,000 such people over ten years")
    for one in found:
        if not one.rank:
            console().print(f"{one.option} {one.status}: {'; '.join(one.reasons)}", markup=False)
    console().print(
        f"Population effects; figures and their sources: simulation/treatment/effects.yaml. {RESEARCH_USE}."
    )


def _options(path: Path) -> list[Option]:
    from simulation.treatment.compare import Option

    return [_checked(Option, one, path) for one in _yaml(path, list)]


def _person(person: str) -> Person:
    from simulation.treatment.compare import Person

    if person.endswith((".yaml", ".yml")):
        found: Person = _checked(Person, _yaml(Path(person), dict), Path(person))
        return found
    return published([person])[0].person


def published(people: list[str]) -> list[Twin]:
    """People of the published snapshot."""
    from lake import warehouse
    from simulation.people import UnknownPerson, read

    home = settings()
    if not home.snapshot.exists():
        raise BadData(f"no snapshot in {home.published}; run `twin build` first")
    with warehouse.reading(home) as connection:
        try:
            return read(connection, people)
        except UnknownPerson as error:
            raise WrongUsage(str(error.args[0])) from None


def _yaml(path: Path, kind: type) -> Any:
    import yaml

    if not path.is_file():
        raise WrongUsage(f"nothing at {path}")
    try:
        found = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise WrongUsage(f"{path.name} is not YAML: {error}") from None
    if not isinstance(found, kind):
        raise WrongUsage(f"{path.name} must hold a {'list' if kind is list else 'mapping'}")
    return found


def _checked(kind: Any, fields: Any, path: Path) -> Any:
    from pydantic import ValidationError

    try:
        return kind(**fields)
    except TypeError:
        raise WrongUsage(f"{path.name}: {fields!r} is no mapping") from None
    except ValidationError as error:
        first = error.errors()[0]
        raise WrongUsage(f"{path.name}, {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
