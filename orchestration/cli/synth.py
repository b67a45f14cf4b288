"""``twin synth`` and ``twin demo``: a seeded demo population, and the whole platform on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any

import typer

from orchestration.cli.output import AsJson, console, print_json, print_table, progress, settings

People = Annotated[int, typer.Option("--people", min=1, help="How many people.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="The same seed makes the same bytes.")]

COHORT = """
    select task, person_id, as_of, risk, risk_lo, risk_hi, band, model_name
    from marts_risk.risk_current
    qualify row_number() over (partition by task order by risk desc, person_id) <= 5
    order by task, risk desc
"""


def synth(people: People = 400, seed: Seed = 20260630, as_json: AsJson = False) -> None:
    """Make a demo population and put what its hospitals, devices and laboratories would deliver into landing.

    The truth about it (who is who, true effects and risks) goes to the folder `truth`, which only tests may read.
    Memory stays bounded however many people there are.

    Example: twin synth --people 1000 --seed 7
    """
    with progress("making people", quiet=as_json) as tell:
        report = _generate(people, seed, tell)
    if as_json:
        print_json(report)
    else:
        console().print(_sentence(report))


def demo(people: People = 400, seed: Seed = 20260630, as_json: AsJson = False) -> None:
    """Make the demo population, build everything, and show the top of the scored cohort. Does only what is stale.

    Example: twin demo --people 400
    """
    from orchestration.cli import build
    from orchestration.cli.query import rows_of

    home = settings()
    with progress("making people", quiet=as_json) as tell:
        generated = _generate(people, seed, tell)
    if not as_json:
        console().print(_sentence(generated))
    built = build.run(home, as_json)
    build.show(home, built, as_json=False) if not as_json else None
    build.judge(built, strict=False)
    names, rows = rows_of(home, COHORT)
    if as_json:
        top = [dict(zip(names, row, strict=True)) for row in rows]
        print_json({"population": generated, "build": asdict(built), "top": top, "snapshot": home.snapshot})
        return
    print_table(names, rows, title="Highest current risks (research use, not for care)")
    places = [
        ("SQL", f'twin query "select * from marts_analyst.patient_summary limit 5"   ({home.snapshot})'),
        ("Dagster, MLflow", "twin ui"),
        ("what was rejected", "twin status"),
        ("all state", str(home.home)),
    ]
    print_table(("to see", "do"), places)


def _generate(people: int, seed: int, tell: Callable[[str], None]) -> dict[str, Any]:
    from synthetic import generate

    def stage(name: str, done: int, total: int) -> None:
        tell(f"{name} {done:,} of {total:,}")

    return asdict(generate(settings(), people, seed, progress=stage))


def _sentence(report: dict[str, Any]) -> str:
    what = f"{report['people']:,} people (seed {report['seed']}): {report['files']:,} files, {report['bytes']:,} bytes"
    return f"{what} {'were in landing already' if report['unchanged'] else 'landed'}; {report['seconds']:.1f} s"
