"""What TRIPOD+AI asks to report and PROBAST+AI to judge, answered from the task and its data.

Items of TRIPOD+AI by their numbers (Collins and colleagues, BMJ 2024;385:e078378). PROBAST+AI (Moons and colleagues,
BMJ 2025;388:e082505) is answered by domain, for development and for evaluation. What only a site can know is said to
be missing, never filled in.
"""

from __future__ import annotations

import numpy as np

from ml.candidates import Candidate, subgroups, test_outcome
from ml.crossval import sample_size
from ml.dataset import Dataset
from ml.features.spec import load_set
from ml.gates import Gate
from ml.task import Task

SITE = "**to be stated by the site**"
_ENOUGH = 100
"""Held-out events below which an evaluation is imprecise (Riley and colleagues, BMJ 2024;384:e074821: at least 100)."""


def tripod(task: Task, data: Dataset, chosen: Candidate) -> list[str]:
    """Return the section on TRIPOD+AI as lines of Markdown."""
    age = task.eligibility.age_years
    index_at = data.design.index_at
    events = len(np.unique(data.sample.person[(data.sample.event == 1) & ~data.is_test]))
    size = sample_size(int((~data.is_test & data.first).sum()), events, len(data.design.columns))
    missing = np.isnan(data.design.values).mean(axis=0)
    often = [name for name, share in zip(data.design.names, missing, strict=True) if share > 0.5]
    drugs = [one.label for one in load_set(task.feature_set).features if one.kind == "medication"]
    followed = float(np.median(data.sample.time[data.first])) / 365.25
    equations = ", ".join(use.name for use in task.equations) or "none"
    rows = [
        ("1-2", "Title, abstract", f"{task.title}; development and evaluation; this card is the summary"),
        ("3a, 25", "Context, existing models", f"compared with: {equations}"),
        ("3b", "Who it is for", f"people of {age[0]:g} to {age[1]:g} years{_sex(task)}, for teams who plan prevention"),
        ("3c, 14", "Inequalities, fairness", "calibration by sex, age and density of data is gate G4; others: " + SITE),
        ("4", "Objective", f"risk of {task.outcome.phenotype.replace('_', ' ')} within {task.horizon_days} days"),
        ("5a, 6a", "Sources, setting", "the core tables of this home; which centres, how they were chosen: " + SITE),
        ("5b", "Dates", f"index dates {_day(index_at.min())} to {_day(index_at.max())}, data to {_day(data.cutoff)}"),
        ("6b", "Eligibility", f"the table of who was left out; declared in task `{task.name}` v{task.version}"),
        ("6c", "Treatments", f"recorded drugs are predictors: {', '.join(drugs) or 'none'}"),
        ("7", "Preparation", "units by UCUM, duplicates and retractions by version; implausible values out"),
        ("8a", "Outcome", _outcome(task)),
        ("8b, 9c", "Assessors", "routine records; nobody assessed outcomes or predictors for this purpose"),
        ("8c, 9b", "Blinding", "predictors known by the index date, outcomes after it (checks L1 to L5)"),
        ("9a", "Predictors", f"{len(data.design.columns)} of set `{task.feature_set}`, declared before training"),
        ("10", "Sample size", f"{size['events_per_parameter']:.1f} events per predictor; Riley allows"
         f" {size['parameters_allowed']:.0f} at a shrinkage of 0.9"),
        ("11", "Missing data", f"not known is a value of its own to trees, the median to Cox; more than half missing:"
         f" {len(often)} of {len(missing)}"),
        ("12a", "Partition", f"{task.test_fraction:.0%} of people held out, the rest in {task.folds} folds of people"),
        ("12b-c", "Building", f"{', '.join(one.name for one in task.models)}; fixed parameters, no tuning; chosen by"
         " out-of-fold likelihood of the event"),
        ("12d, 23b", "Clusters", "not analysed here; `twin ml evaluate` leaves sites out where a table names them"),
        ("12e", "Measures", "C (Harrell, Uno), AUC, Brier, O:E, slope, ICI, net benefit; Aalen-Johansen, IPCW"),
        ("12f, 24", "Updating", "`twin ml recalibrate`; every version keeps what it came from as a tag"),
        ("12g, 22", "Full model", "the logged model of this run; `twin ml sql` prints it where it holds no equation"),
        ("13", "Imbalance", "no resampling, no weights for classes: risks stay risks"),
        ("15", "Output", f"a probability; bands from {', '.join(f'{band.from_risk:.0%}' for band in task.bands)}"),
        ("16", "Development and evaluation", "the same sources and definitions, other people; no external evaluation"),
        ("17", "Ethics", SITE),
        ("18a-b", "Funding, conflicts", SITE),
        ("18c-d", "Protocol, registration", f"the task's declaration, hash `{task.hash}`; registration: " + SITE),
        ("18e-f", "Data, code", "data stay in this home; code and version are tags of the run"),
        ("19", "Patients and public", SITE),
        ("20a, 21", "Flow, counts", f"see above; median follow-up {followed:.1f} years, judged at"
         f" {chosen.assessed_days / 365.25:.1f}"),
        ("20b-c", "Characteristics", "`feature_value_latest`; drift against them is `marts_risk.model_monitor`"),
        ("23a", "Performance", "the table of candidates with intervals; calibration and decision curves in the run"),
        ("26", "Limitations", "below"),
        ("27a", "Poor input", "nobody is scored without being eligible; unknown and out of range inputs are listed"),
        ("27b-c", "Use, next steps", "a trained team reads reasons and actions; evaluate elsewhere before any use"),
    ]  # fmt: skip
    lines = [f"| {number} | {item} | {answer} |" for number, item, answer in rows]
    return ["## TRIPOD+AI", "", "| item | what | answer |", "|---|---|---|", *lines, ""]


def probast(task: Task, data: Dataset, chosen: Candidate, gates: list[Gate]) -> list[str]:
    """Return the section on PROBAST+AI: per domain the judgement and what it rests on. Only measured facts lower it."""
    status = {gate.name.split("_")[0]: gate.status for gate in gates}
    outcome, rows = test_outcome(data)
    held_out = int(((outcome.event == 1) & (outcome.time <= chosen.assessed_days)).sum())
    events = len(np.unique(data.sample.person[(data.sample.event == 1) & ~data.is_test]))
    parameters = len(data.design.columns)
    left_out = data.attrition["n"][0].as_py() - data.attrition["n"][-1].as_py()
    leaks = "low" if status.get("G1") == "pass" else "high"
    short = chosen.assessed_days < task.horizon_days
    few = sum(1 for mask in subgroups(data, rows).values() if (outcome.take(mask).event == 1).sum() < _ENOUGH)
    censoring = next((gate.evidence for gate in gates if gate.name.startswith("G7")), "")
    is_learned = chosen.spec.kind in ("cox", "lightgbm")
    lean = is_learned and events < 10 * parameters
    judged = [
        ("development", "participants, data sources", "unclear",
         f"routine data; {left_out:,} person-index-dates left out by declared rules; whether they are the people it is"
         " meant for, the site must judge"),
        ("development", "predictors", leaks, "defined alike for all, known by the index date, rebuilt on new futures"),
        ("development", "outcome", "unclear", "recorded diagnoses, not adjudicated; not defined by predictors"),
        ("development", "analysis", "high" if lean else "low",
         f"{events} events for {parameters} predictors{' (fewer than ten each)' if lean else ''}; penalised, censoring"
         " and competing death modelled, missing values kept, calibration out of fold"),
        ("evaluation", "participants, data sources", "high", "people of the same sources: internal evaluation only"),
        ("evaluation", "predictors", leaks, "the same code as in development and at scoring"),
        ("evaluation", "outcome", "high" if short else "low", f"judged at {chosen.assessed_days / 365.25:.1f} of"
         f" {task.horizon_days / 365.25:.1f} years{': follow-up is too short' if short else ''}; {censoring}"),
        ("evaluation", "analysis", "high" if held_out < _ENOUGH else "low", f"{held_out} held-out events ({_ENOUGH} are"
         f" needed); {few} subgroups have fewer; calibration and net benefit with intervals, no refitting"),
    ]  # fmt: skip
    worst = "high" if any(one[2] == "high" for one in judged) else "unclear"
    lines = [f"| {part} | {domain} | {risk} | {why} |" for part, domain, risk, why in judged]
    return [
        "## PROBAST+AI",
        "",
        "| part | domain | concern | because |",
        "|---|---|---|---|",
        *lines,
        "",
        f"Overall concern: **{worst}**. Applicability to a population is for its site to judge.",
        "",
    ]


def _sex(task: Task) -> str:
    return f", {task.eligibility.sex}" if task.eligibility.sex else ""


def _outcome(task: Task) -> str:
    named = [*task.outcome.concepts, *task.outcome.encounters]
    if task.outcome.result:
        named.append(f"{task.outcome.result.concept} below {task.outcome.result.below:g}")
    if task.outcome.death:
        named.append("death")
    return f"first record of {', '.join(named).replace('_', ' ')}; competing: {task.competing}"


def _day(moment: object) -> str:
    return str(np.datetime64(moment, "D"))  # type: ignore[call-overload]
