"""Simulation: a cohort's week of meals against scipy per person, and treatments compared for a thousand people.

The meal model is BIOMD379 (../shared/data), twelve states, three meals a day as interventions, glucose every five
minutes. The peer integrates the same equations with `solve_ivp`, person by person, with Python's own numbers, which are
faster there than arrays of one; its cost is that of a few people, multiplied. Errors: against libroadrunner at 1e-11.
"""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np

from tests.benchmarks import cost

MODELS = cost.ROOT.parent / "shared" / "data" / "sim" / "biomodels"
PEOPLE, DAYS, PEERS, JUDGED, REPEATS = 10_000, 7, 3, 4, 3
BUDGET_S, FASTER, ERROR, TREATMENTS_S = 20.0, 60.0, 1e-6, 60.0
GRAMS = {420: 45.0, 720: 70.0, 1140: 70.0}
VARIED = (("k_abs", 0.057, 0.1), ("V_mX", 0.047, 0.2), ("k_p3", 0.009, 0.15), ("BW", 78.0, 0.1))


def measure() -> list[dict[str, Any]]:
    """All; each in a process of its own, imports and compiling included."""
    rows = []
    if MODELS.is_dir():
        rows += _meals()
    else:
        rows.append({"stage": "a week of meals", "peer": "no shared data beside the checkout"})
    found = cost.apart("tests.benchmarks.simulation:treatments")
    rows.append({"stage": "8 treatments for 1,000 people", **found, "budget": f"≤ {TREATMENTS_S:g} s"})
    return [*rows[:-1], rows[-1] | {"ok": found["cpu_s"] <= TREATMENTS_S}]


def _meals() -> list[dict[str, Any]]:
    here = "tests.benchmarks.simulation"
    peer = cost.apart(f"{here}:by_scipy")
    rows = []
    for model in ("BIOMD379", "meal_glucose"):
        runs = [cost.apart(f"{here}:by_cohort", model, PEOPLE, 1.0, "machine code") for _ in range(REPEATS)]
        found = min(runs, key=lambda one: float(one["cpu_s"]))
        ratio = peer["cpu_s"] * PEOPLE / PEERS / found["cpu_s"]
        rows.append(
            {
                "stage": f"{model}: {PEOPLE:,} people, {DAYS} days, 1 min",
                **found,
                "peer": "solve_ivp LSODA 1e-6, per person",
                "ratio": round(ratio),
                "ok": _within(found, ratio),
                "budget": f"≤ {BUDGET_S:g} s, {ERROR:g}, ≥ {FASTER:g}x",
            }
        )
    plain = cost.apart(f"{here}:by_cohort", "BIOMD379", PEOPLE // 5, 1.0, "numpy")
    rows.append({"stage": f"BIOMD379: {PEOPLE // 5:,} people, as NumPy", **plain})
    rows.append({"stage": f"solve_ivp LSODA 1e-6, {PEERS} people", **peer})
    return rows


def _within(found: dict[str, Any], ratio: float) -> bool:
    return bool(found["cpu_s"] <= BUDGET_S and found["error"] <= ERROR and ratio >= FASTER)


def by_cohort(model: str, people: int, step: float, by: Any) -> dict[str, Any]:
    """Our fast path, and its largest relative error over the first few people."""
    from simulation.engine.course import Course
    from simulation.engine.roadrunner import Engine
    from simulation.engine.vectorised import compile_model, simulate
    from simulation.models import catalogue

    source = _model(model)
    compiled = compile_model(source)
    course = Course(DAYS * 1440, DAYS * 288, ("G",))
    settle = 0.0 if model == "BIOMD379" else catalogue.card(model).settle
    spent = cost.of(
        lambda: simulate(compiled, course, people, _varied(people), _eaten(), step=step, settle=settle, by=by)["G"]
    )
    engine, errors = Engine(source), []
    for number in range(JUDGED):
        one = {name: float(values[number]) for name, values in _varied(people).items()}
        exact = engine.run(course, one, _eaten(), relative=1e-11, absolute=1e-10)["G"]
        errors.append(float(np.abs(spent.result[:, number] / exact - 1).max()))
    return {**spent.row(), "error": float(f"{max(errors):.2g}")}


def by_scipy() -> dict[str, Any]:
    """The peer: every person and every stretch between meals by `solve_ivp`."""
    from scipy.integrate import solve_ivp

    from simulation.engine.vectorised import compile_model

    compiled = compile_model(_model("BIOMD379"))
    names = {name: getattr(math, name) for name in ("tanh", "exp", "log", "sqrt")}
    functions = SimpleNamespace(maximum=max, minimum=min, true_divide=lambda a, b: a / b, **names)
    scope: dict[str, Any] = {"np": functions}
    lines = "\n".join(f"    {line}" for line in compiled.loop.splitlines())
    exec(f"def rate(t, y, k, c):\n    d = [0.0] * {len(compiled.states)}\n{lines}\n    return d", scope)
    place = compiled.states.index

    def week(number: int) -> None:
        k = [np.float64(value) for value in compiled.defaults]
        for name, values in _varied(PEERS).items():
            k[compiled.constants.index(name)] = values[number]
        y, k = compiled.start(k)
        y, begin = np.array(y, dtype=float), 0.0
        for meal in [*_eaten(), None]:
            end = meal.at if meal else DAYS * 1440.0
            c = [float(np.ravel(value)[0]) for value in compiled.fixed(k, 1)]
            solved = solve_ivp(
                scope["rate"], (begin, end), y, "LSODA", np.arange(begin, end + 1, 5), rtol=1e-6, atol=1e-6,
                args=([float(value) for value in k], c),
            )  # fmt: skip
            y, begin = solved.y[:, -1].copy(), end
            if meal:
                mg = GRAMS[meal.at % 1440] * 1000.0
                k[compiled.constants.index("D")] = np.float64(y[place("Q_sto1")] + y[place("Q_sto2")] + mg)
                y[place("Q_sto1")] += mg

    return cost.of(lambda: [week(number) for number in range(PEERS)]).row()


def treatments() -> dict[str, Any]:
    """Eight options ranked for a thousand people."""
    from simulation.treatment.compare import Dose, Option, Person, compare

    generator = np.random.default_rng(1)
    drawn = generator.uniform((0.02, 110, 1), (0.4, 180, 6), (1000, 3))
    people = [Person(person_id=str(n), risk_10y=r, sbp=s, ldl=c, gfr=80) for n, (r, s, c) in enumerate(drawn.tolist())]
    taken = [(), ("atorvastatin", 20), ("rosuvastatin", 20), ("losartan", 50), ("amlodipine", 5), ("lisinopril", 10)]
    options = [Option(name=str(n), drugs=(Dose(drug=one[0], mg=one[1]),) if one else ()) for n, one in enumerate(taken)]
    options.append(Option(name="6", weight_loss_kg=5))
    options.append(Option(name="7", drugs=(Dose(drug="atorvastatin", mg=20), Dose(drug="losartan", mg=50))))
    return cost.of(lambda: len(compare(people, options))).row()


def _model(name: str) -> Any:
    from simulation.engine import sbml
    from simulation.models import catalogue

    return sbml.load(MODELS / "BIOMD0000000379.xml") if name == "BIOMD379" else catalogue.load(name)


def _varied(people: int) -> dict[str, Any]:
    """Log-normal parameters; the first people are the same however many follow."""
    generator = np.random.default_rng(1)
    z = generator.standard_normal((people, len(VARIED)))
    return {name: middle * np.exp(sd * z[:, n]) for n, (name, middle, sd) in enumerate(VARIED)}


def _eaten() -> list[Any]:
    from simulation.meals import meals

    return meals([(day * 1440 + at, grams) for day in range(DAYS) for at, grams in GRAMS.items()])
