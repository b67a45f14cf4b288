"""From a scenario's dated interventions to what changes in a model: meals, drugs that start and stop, ways of life."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from simulation.engine.course import Array
from simulation.engine.intervention import Intervention, Now
from simulation.meals import meals
from simulation.models.catalogue import Card, Given
from simulation.personal.glucose_record import eating
from simulation.scenario import PER_DAY, BadScenario, Happening, Scenario
from simulation.treatment import layers

MOST_WEIGHT_LOSS = 80.0
"""kg."""


@dataclass
class Regimen:
    """What is taken at a time.

    Attributes:
        drugs: drug → mg a day, or mg each time where the model follows single doses.
        every: drug → hours between doses.
    """

    drugs: dict[str, float] = field(default_factory=dict)
    every: dict[str, float] = field(default_factory=dict)
    weight_loss_kg: float = 0.0

    def follow(self, one: Happening) -> None:
        """Start, change or stop a drug.

        Raises:
            BadScenario: it is already taken, or it is not taken.
        """
        drug = one.what
        if (one.kind == "start") == (drug in self.drugs):
            taken = "is taken already: write change" if one.kind == "start" else "is not taken: write start first"
            raise BadScenario(f"{one.kind} {drug} at {one.at}: {drug} {taken}")
        if one.kind == "stop":
            del self.drugs[drug]
            self.every.pop(drug, None)
            return
        self.drugs[drug] = one.mg or 0.0
        if one.every is not None:
            self.every[drug] = one.every


@dataclass
class Plan:
    """What a scenario does to a model.

    Attributes:
        interventions: in order of time.
        before: symbols that the scenario sets from the start, because it speaks of what they stand for.
        taken: every set of drugs (mg) that is taken together at some time; of them exclusions are asked.
    """

    interventions: list[Intervention] = field(default_factory=list)
    before: dict[str, float] = field(default_factory=dict)
    taken: list[dict[str, float]] = field(default_factory=list)


def plan(card: Card, scenario: Scenario, values: Mapping[str, Array], ratios: Mapping[str, Array]) -> Plan:
    """Interventions of a model from those of a scenario.

    Args:
        values: parameters of everyone who is simulated, shape (people,).
        ratios: drug → AUC ratio of everyone, for doses.

    Raises:
        BadScenario: the model does not take an intervention, or a dose, meal or change is impossible.
    """
    found, regimen = Plan(), Regimen()
    happenings = scenario.in_order(card.time_unit)
    eaten = [(at, one.what) for at, one in happenings if one.kind == "meal"]
    if eaten and card.takes.meals is None:
        raise _refused(card, "meals")
    try:
        in_the_stomach = meals(eaten)
        found.interventions += in_the_stomach if card.takes.meals == "stomach" else eating(eaten)
        for number, (at, one) in enumerate(happenings):
            if one.kind in ("start", "change", "stop"):
                regimen.follow(one)
                found.taken.append(dict(regimen.drugs))
                end = next(
                    (t for t, after in happenings[number + 1 :] if after.what == one.what and after.kind != "dose"),
                    scenario.duration,
                )
                _drug(card, one, regimen, (at, end), values, ratios, found)
            elif one.kind == "dose":
                found.taken.append({one.what: one.amount or 0.0, **regimen.drugs})
                found.interventions.append(_dose(card, one.what, one.amount or 0.0, at, values, ratios, found))
            elif one.kind == "lifestyle":
                found.interventions.append(_lifestyle(card, one, regimen, at, values))
            elif one.kind == "set":
                found.interventions.append(Intervention(at, dict(one.what)))
    except layers.ImpossibleDose as error:
        raise BadScenario(str(error)) from None
    except ValueError as error:
        raise error if isinstance(error, BadScenario) else BadScenario(str(error)) from None
    found.interventions.sort(key=lambda one: one.at)
    return found


def _refused(card: Card, what: str) -> BadScenario:
    return BadScenario(f"{card.name} takes no {what}; it takes {card.takes.words}")


def _drug(
    card: Card, one: Happening, regimen: Regimen, when: tuple[float, float], values: Mapping[str, Array],
    ratios: Mapping[str, Array], found: Plan,
) -> None:  # fmt: skip
    """A drug that is taken from one time to another, by what the model can do with it."""
    drug, mg, (at, end) = one.what, regimen.drugs.get(one.what, 0.0), when
    if drug in card.takes.drugs:
        about = card.takes.drugs[drug]
        most = max(about.by_mg)
        if not 0 <= mg <= most:
            raise layers.ImpossibleDose(f"{drug} {mg:g} mg a day is impossible; 0 to {most:g} mg")
        found.before.setdefault(about.sets, 0.0)
        effect = float(np.interp(mg, sorted(about.by_mg), [about.by_mg[one] for one in sorted(about.by_mg)]))
        found.interventions.append(Intervention(at, {about.sets: effect}))
    elif card.takes.table:
        layers.check_dose(drug, mg)
        found.interventions.append(_by_table(regimen, at, values))
    elif card.takes.doses:
        if one.kind == "stop":
            return
        if drug not in regimen.every:
            raise BadScenario(f"{one.kind} {drug} at {one.at}: {card.name} follows single doses: say every: HOURS")
        interval = regimen.every[drug] * PER_DAY[card.time_unit] / 24
        times = np.arange(at, end, interval)
        found.interventions += [_dose(card, drug, mg, float(t), values, ratios, found) for t in times]
    else:
        raise _refused(card, f"drug {drug}")


def _dose(
    card: Card, drug: str, amount: float, at: float, values: Mapping[str, Array], ratios: Mapping[str, Array],
    found: Plan,
) -> Intervention:  # fmt: skip
    about: Given | None = card.takes.doses.get(drug, card.takes.doses.get("*"))
    if about is None:
        raise _refused(card, f"dose of {drug}")
    if not 0 <= amount <= about.most:
        raise layers.ImpossibleDose(f"{drug} {amount:g} {about.unit} at once is impossible; 0 to {about.most:g}")
    if about.replaces:
        found.before[about.replaces] = 0.0
    added: Array | float = amount * about.per_unit
    if about.per:
        added = added / values[about.per]
    state = about.adds

    def more(now: Now) -> Array | float:
        return now(state) + now.share(added)

    effect = {about.ratio: ratios[drug]} if about.ratio and drug in ratios else {}
    return Intervention(at, {state: more, **effect})


def _lifestyle(
    card: Card, one: Happening, regimen: Regimen, at: float, values: Mapping[str, Array]
) -> Intervention:  # fmt: skip
    symbol, value = card.takes.lifestyle.get(one.what), one.value or 0.0
    if symbol is None:
        raise _refused(card, f"lifestyle {one.what}")
    if card.takes.table:
        if not 0 <= value <= MOST_WEIGHT_LOSS:
            raise BadScenario(f"{one.what} {value:g} is impossible; 0 to {MOST_WEIGHT_LOSS:g}")
        regimen.weight_loss_kg = value
        return _by_table(regimen, at, values)
    low, high = card.ranges.get(symbol, (-np.inf, np.inf))
    if not low <= value <= high:
        raise BadScenario(f"{one.what} {value:g} is impossible; {low:g} to {high:g}")
    return Intervention(at, {symbol: value})


def _by_table(regimen: Regimen, at: float, values: Mapping[str, Array]) -> Intervention:
    """What all drugs and the weight loss of a time do together in the long run (`treatment.layers`)."""
    before, table = values["SBP_0"], layers.effects()["lifestyle"]
    fall = regimen.weight_loss_kg * table["sbp_per_kg"] + sum(
        (layers.pressure_fall(drug, mg, before) for drug, mg in regimen.drugs.items()), np.zeros(len(before))
    )
    kept = float(np.prod([1 - layers.ldl_share(drug, mg) for drug, mg in regimen.drugs.items()]))
    return Intervention(at, {"fall": fall, "kept": kept, "less": regimen.weight_loss_kg * table["ldl_per_kg"]})
