"""The model card: what was made, from what, how well it holds, where not to use it; with TRIPOD+AI and PROBAST+AI."""

from __future__ import annotations

from ml import checklists
from ml.candidates import Candidate
from ml.dataset import Dataset
from ml.equations import get
from ml.gates import Gate
from ml.task import Task


def write(
    task: Task, data: Dataset, candidates: list[Candidate], *, chosen: Candidate, gates: list[Gate], verdict: str
) -> str:
    """Return the card as Markdown."""
    train, test = ~data.is_test, data.is_test
    lines = [
        f"# {task.title} (`{task.name}`, version {task.version})",
        "",
        "**Research use, not for care.**",
        "",
        task.description.strip(),
        "",
        "| item | value |",
        "|---|---|",
        f"| Outcome | {task.outcome.phenotype.replace('_', ' ')}; competing: {task.competing} |",
        f"| Horizon | {task.horizon_days} days, in intervals of about {task.interval_days} |",
        f"| Task hash, core version | `{task.hash}`, `{data.core_version}` |",
        f"| Data until | {data.cutoff:%Y-%m-%d} |",
        f"| Training | {_people(data, train)} |",
        f"| Held out | {_people(data, test)} |",
        f"| Features | {len(data.design.columns)} as-of features of set `{task.feature_set}` |",
        f"| Chosen | **{chosen.spec.name}** by out-of-fold likelihood of the event |",
        f"| Verdict | {verdict} |",
        "",
        "## Who was left out (participants)",
        "",
        "| step | person-index-dates left |",
        "|---|---|",
        *(f"| {row['step']} | {row['n']:,} |" for row in data.attrition.to_pylist()),
        "",
        *comparison(candidates, chosen, gates),
        "## Clinical equations",
        "",
        *(f"- `{use.name}`: {get(use.name).citation}. {use.mismatch}" for use in task.equations),
        "",
        *checklists.tripod(task, data, chosen),
        *checklists.probast(task, data, chosen, gates),
        "## Limits",
        "",
        "- Risks are those of the people this was trained on; recalibrate before using it elsewhere.",
        "- The interval shows how far the model depends on who was in the training sample, not the chance of a person.",
        "- Reasons say what moved the score, not what causes the disease.",
        "- On the synthetic demo population the figures show that the plumbing works, and nothing about real people.",
        "",
    ]
    return "\n".join(lines)


def comparison(candidates: list[Candidate], chosen: Candidate, gates: list[Gate]) -> list[str]:
    """Return the tables of candidates and of gates as lines of Markdown: why one of them was chosen."""
    return [
        f"## Candidates on held-out people, at {chosen.assessed_days / 365.25:.1f} years",
        "",
        "| model | log likelihood (CV) | C (95% CI) | AUC | Brier | O:E | slope | ICI |",
        "|---|---|---|---|---|---|---|---|",
        *(_row(one) for one in candidates),
        "",
        f"## Gates of {chosen.spec.name}",
        "",
        "| gate | verdict | evidence |",
        "|---|---|---|",
        *(f"| {gate.name} | {gate.status} | {gate.evidence} |" for gate in gates),
        "",
    ]


def _people(data: Dataset, rows: object) -> str:
    sample = data.sample.take(rows)  # type: ignore[arg-type]
    people = len(set(sample.person.tolist()))
    events = len(set(sample.person[sample.event == 1].tolist()))
    return f"{people:,} people with {len(sample.time):,} index dates; {events:,} people with the outcome"


def _row(one: Candidate) -> str:
    found = {metric.name: metric for metric in one.test}
    c = found["harrell_c"]
    numbers = " | ".join(f"{found[name].value:.3f}" for name in ("auc", "brier", "observed_expected", "slope", "ici"))
    return f"| {one.spec.name} | {one.log_likelihood:.5f} | {c.value:.3f} ({c.lower:.3f}-{c.upper:.3f}) | {numbers} |"
