"""A trial in virtual people of the warehouse: baseline hazard times treatment effect times what nobody knows of them.

Every person has a hazard from the risk that the warehouse holds; a treatment multiplies it; frailty stands for what no
covariate tells, without which twins would give a trial absurd power. Events are drawn, and every trial is analysed
unadjusted, adjusted for covariates, adjusted for a prognostic score learnt outside the trial, and against matched
external controls. Those are biased by what differs unseen between then and now; a randomised arm is not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from simulation.engine.course import Array, Mask
from simulation.treatment import layers
from simulation.treatment.compare import Dose
from simulation.trials.analyse import Estimates, adjusted, persons_needed, unadjusted
from simulation.trials.population import BadPopulation, Eligible, Privacy, privacy, virtual

SBP, LDL = "systolic_bp_mmhg", "ldl_cholesterol_mg_dl"
CALIPER = 0.2
"""Standard deviations of the logit of the propensity within which a control is a match (Austin 2011)."""


class CohortSpec(BaseModel):
    """A two-arm trial of drugs against nothing more, with an event as outcome.

    Attributes:
        eligibility: SQL conditions over ``marts_analyst.patient_summary``, applied in order.
        covariates: numeric columns of it that are known before the trial.
        persons: in both arms together.
        years: of follow-up.
        frailty: standard deviation of the logarithm of what no covariate tells of the hazard.
        drift: factor by which external controls of another time had more events, unseen by covariates.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    eligibility: tuple[str, ...] = Field(min_length=1, max_length=30)
    covariates: tuple[str, ...] = Field(default=("age_years", SBP, LDL), min_length=1, max_length=20)
    drugs: tuple[Dose, ...] = Field(min_length=1)
    persons: int = Field(ge=40, le=20_000)
    years: float = Field(default=5, gt=0, le=10)
    frailty: float = Field(default=0.5, ge=0, le=2)
    drift: float = Field(default=1.15, gt=0, le=5)
    trials: int = Field(default=500, ge=20, le=10_000)
    seed: int = 1


def read_spec(content: dict[str, Any], name: str) -> CohortSpec:
    """Check a specification that was read from YAML.

    Raises:
        BadPopulation: a field is wrong; the message names it.
    """
    try:
        return CohortSpec(**content)
    except ValidationError as error:
        first = error.errors()[0]
        raise BadPopulation(f"{name}, {'.'.join(map(str, first['loc']))}: {first['msg']}") from None


@dataclass(frozen=True)
class Analysis:
    """How an analysis did over all trials; effects are risk differences."""

    name: str
    estimate: float
    bias: float
    standard_error: float
    coverage: float
    power: float


@dataclass(frozen=True)
class CohortOutcome:
    """What the trials showed."""

    name: str
    attrition: tuple[tuple[str, int], ...]
    privacy: Privacy
    persons: int
    trials: int
    hazard_ratio: float
    risk_difference: float
    analyses: tuple[Analysis, ...]
    power_by_persons: tuple[tuple[int, float, float], ...]
    r2: float
    persons_needed: int
    side_effects: str
    e_value: float
    note: str = "research use, not for care"

    def as_dict(self) -> dict[str, Any]:
        """All fields by name."""
        return asdict(self) | {"is_private": self.privacy.passed}


def run(spec: CohortSpec, people: Eligible) -> CohortOutcome:
    """Simulate and analyse.

    Raises:
        BadPopulation: virtual people would be copies of real ones, or the drugs act on what is not a covariate.
        layers.ImpossibleDose: a drug or dose that the table does not know.
    """
    for dose in spec.drugs:
        layers.check_dose(dose.drug, dose.mg)
    generator = np.random.default_rng(spec.seed)
    real = np.column_stack([people.covariates, np.log(-np.log1p(-people.risk) / 10)])
    pool = virtual(real, max(20_000, 4 * spec.persons), generator)
    checked = privacy(real, pool)
    if not checked.passed:
        raise BadPopulation(
            f"{checked.n_copies} virtual people equal a real one and {checked.share_close:.0%} are too close; name more"
            " covariates that are measured finely"
        )
    x, hazard = pool[:, :-1], np.exp(pool[:, -1])
    ratio = _hazard_ratio(spec, people.names, x)
    frail = np.exp(spec.frailty * generator.standard_normal(len(pool)) - spec.frailty**2 / 2)
    risk0, risk1 = (-np.expm1(-hazard * spec.years * frail * one) for one in (np.ones(len(pool)), ratio))
    truth = float((risk1 - risk0).mean())
    score = _score(x, generator.random(len(pool)) < risk0, generator)
    standard = (x - x.mean(axis=0)) / np.where(x.std(axis=0) > 0, x.std(axis=0), 1.0)

    def trial_of(persons: int, trials: int) -> dict[str, Estimates]:
        who = generator.integers(0, len(pool), (trials, persons))
        treated = generator.permuted(np.tile(np.arange(persons) % 2, (trials, 1)), axis=1).astype(float)
        outcome = (generator.random(who.shape) < np.where(treated == 1, risk1[who], risk0[who])).astype(float)
        columns = [standard[who, c] for c in range(x.shape[1])]
        return {
            "unadjusted": unadjusted(outcome, treated),
            "covariates": adjusted(outcome, treated, *columns),
            "prognostic score": adjusted(outcome, treated, score[who]),
        }

    found = _in_parts(trial_of, spec.persons, spec.trials)
    found["matched external control"] = _matched(spec, generator, standard, risk0, risk1)
    r2 = float(np.corrcoef(score, generator.random(len(pool)) < risk0)[0, 1] ** 2)
    curve = []
    for share in (0.5, 0.75, 1.0, 1.5):
        persons = int(spec.persons * share) // 2 * 2
        one = found if share == 1.0 else _in_parts(trial_of, persons, max(spec.trials // 4, 20))
        plain, scored = (1 - one[name].coverage(0.0) for name in ("unadjusted", "prognostic score"))
        curve.append((persons, plain, scored))
    relative = float(risk1.mean() / risk0.mean())
    return CohortOutcome(
        name=spec.name,
        attrition=people.attrition,
        privacy=checked,
        persons=spec.persons,
        trials=spec.trials,
        hazard_ratio=float(ratio.mean()),
        risk_difference=truth,
        analyses=tuple(_analysis(name, one, truth) for name, one in found.items()),
        power_by_persons=tuple(curve),
        r2=r2,
        persons_needed=persons_needed(spec.persons, r2),
        side_effects=layers.side_effects((one.drug, one.mg) for one in spec.drugs),
        e_value=e_value(relative),
    )


def e_value(relative_risk: float) -> float:
    """How strong an unseen confounder must be to explain a relative risk (VanderWeele 2017, doi:10.7326/M16-2607)."""
    risk = 1 / relative_risk if relative_risk < 1 else relative_risk
    return float(risk + np.sqrt(risk * (risk - 1)))


def _hazard_ratio(spec: CohortSpec, names: tuple[str, ...], x: Array) -> Array:
    """The treatment layer: fall of pressure and LDL of each person, and what meta-analyses say they are worth."""
    table = layers.effects()["risk"]
    ratio = np.ones(len(x))
    for dose in spec.drugs:
        about = layers.drug(dose.drug)
        for what, column in (("class", SBP), ("ldl", LDL)):
            if what in about and column not in names:
                raise BadPopulation(f"{dose.drug} acts on {column}: name it among the covariates")
        if "class" in about:
            fall = layers.pressure_fall(dose.drug, dose.mg, x[:, names.index(SBP)])
            ratio *= table["sbp"]["rr"][0] ** (fall / 10)
        if "ldl" in about:
            lower = x[:, names.index(LDL)] / 38.67 * layers.ldl_share(dose.drug, dose.mg)
            ratio *= table["ldl"]["rr"][0] ** lower
    return ratio


def _score(x: Array, event: Mask, generator: np.random.Generator) -> Array:
    """A prognostic score learnt on a fifth of the pool as historical controls, told for everyone."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    past = generator.choice(len(x), len(x) // 5, replace=False)
    if len(np.unique(event[past])) < 2:
        return np.zeros(len(x))
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=200)).fit(x[past], event[past])
    return np.asarray(model.predict_proba(x)[:, 1])


def _in_parts(trial_of: Callable[[int, int], dict[str, Estimates]], persons: int, trials: int) -> dict[str, Estimates]:
    """At most two million persons at once."""
    size = max(1, 2_000_000 // persons)
    parts = [trial_of(persons, min(size, trials - first)) for first in range(0, trials, size)]
    return {
        name: Estimates(
            np.concatenate([one[name].effect for one in parts]), np.concatenate([one[name].error for one in parts])
        )
        for name in parts[0]
    }


def _matched(spec: CohortSpec, generator: np.random.Generator, x: Array, risk0: Array, risk1: Array) -> Estimates:
    """A treated arm against older controls, matched 1:1 on the propensity within a caliper; controls drift unseen."""
    from sklearn.linear_model import LogisticRegression

    half, effects, errors = spec.persons // 2, [], []
    older = np.exp(0.3 * x[:, 0])
    for _ in range(min(spec.trials, 100)):
        arm = generator.integers(0, len(x), half)
        past = generator.choice(len(x), 3 * half, p=older / older.sum())
        both, is_arm = np.concatenate([arm, past]), np.repeat([1, 0], [half, 3 * half])
        logit = LogisticRegression(max_iter=100).fit(x[both], is_arm).decision_function(x[both])
        mine, theirs = _pairs(logit[:half], logit[half:], CALIPER * logit.std())
        if len(mine) < 2:
            continue
        y1 = (generator.random(len(mine)) < risk1[arm[mine]]).astype(float)
        y0 = (generator.random(len(mine)) < np.minimum(spec.drift * risk0[past[theirs]], 1)).astype(float)
        effects.append(float(np.mean(y1 - y0)))
        errors.append(float(np.std(y1 - y0, ddof=1) / np.sqrt(len(mine))))
    return Estimates(np.array(effects), np.array(errors))


def _pairs(first: Array, second: Array, caliper: float) -> tuple[Array, Array]:
    """Greedy pairs in order of the propensity: each takes the closest free one within the caliper."""
    order, free = np.argsort(first), np.argsort(second)
    mine, theirs, at = [], [], 0
    for one in order:
        while at < len(free) and second[free[at]] < first[one] - caliper:
            at += 1
        if at < len(free) and second[free[at]] <= first[one] + caliper:
            mine.append(one)
            theirs.append(free[at])
            at += 1
    return np.array(mine, dtype=int), np.array(theirs, dtype=int)


def _analysis(name: str, found: Estimates, truth: float) -> Analysis:
    return Analysis(
        name,
        float(found.effect.mean()),
        float(found.effect.mean() - truth),
        float(found.effect.std(ddof=1)),
        found.coverage(truth),
        1 - found.coverage(0.0),
    )
