"""The two engines on small models with known solutions, and on models they must refuse."""

from __future__ import annotations

import numpy as np
import pytest

from simulation.engine import sbml
from simulation.engine.course import Course, parse_settings
from simulation.engine.intervention import Intervention
from simulation.engine.roadrunner import Engine
from simulation.engine.vectorised import compile_model, run_refined, simulate
from simulation.models import catalogue

DECAY = """<?xml version="1.0" encoding="UTF-8"?>
<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1">
  <model id="decay" timeUnits="second">
    <listOfCompartments><compartment id="blood" size="5" spatialDimensions="3" constant="true"/></listOfCompartments>
    <listOfSpecies>
      <species id="drug" compartment="blood" initialConcentration="2" hasOnlySubstanceUnits="false"
       boundaryCondition="false" constant="false"/>
    </listOfSpecies>
    <listOfParameters><parameter id="k" value="0.3" constant="true"/></listOfParameters>
    {extra}
    <listOfReactions>
      <reaction id="clear" reversible="false" fast="false">
        <listOfReactants><speciesReference species="drug" stoichiometry="1" constant="true"/></listOfReactants>
        <kineticLaw><math xmlns="http://www.w3.org/1998/Math/MathML">
          <apply><times/><ci>k</ci><ci>drug</ci><ci>blood</ci></apply>
        </math></kineticLaw>
      </reaction>
    </listOfReactions>
  </model>
</sbml>"""
EVENT = """<listOfEvents><event useValuesFromTriggerTime="true">
  <trigger initialValue="true" persistent="true"><math xmlns="http://www.w3.org/1998/Math/MathML">
    <apply><gt/><csymbol encoding="text" definitionURL="http://www.sbml.org/sbml/symbols/time">t</csymbol><cn>1</cn></apply>
  </math></trigger>
  <listOfEventAssignments><eventAssignment variable="drug"><math xmlns="http://www.w3.org/1998/Math/MathML"><cn>2</cn>
  </math></eventAssignment></listOfEventAssignments></event></listOfEvents>"""
COURSE = Course(duration=10, steps=50, variables=("drug",), concentrations=frozenset({"drug"}))


def test_exponential_decay_is_exact_in_both_engines() -> None:
    model = sbml.parse(DECAY.format(extra=""))
    exact = 2 * np.exp(-0.3 * COURSE.times)
    np.testing.assert_allclose(Engine(model).run(COURSE)["drug"], exact, rtol=1e-8)
    np.testing.assert_allclose(run_refined(model, COURSE)["drug"], exact, rtol=1e-7)


def test_amounts_are_concentrations_times_the_compartment() -> None:
    model = sbml.parse(DECAY.format(extra=""))
    course = Course(duration=10, steps=5, variables=("drug",), amounts=frozenset({"drug"}))
    exact = 10 * np.exp(-0.3 * course.times)
    np.testing.assert_allclose(Engine(model).run(course)["drug"], exact, rtol=1e-8)
    np.testing.assert_allclose(run_refined(model, course)["drug"], exact, rtol=1e-7)


def test_every_person_has_a_parameter_of_their_own() -> None:
    compiled = compile_model(sbml.parse(DECAY.format(extra="")))
    k = np.array([0.1, 0.3, 1.0])
    found = simulate(compiled, COURSE, people=3, changes={"k": k})["drug"]
    np.testing.assert_allclose(found, 2 * np.exp(-k * COURSE.times[:, None]), rtol=1e-7)


def test_machine_code_takes_the_same_steps_as_numpy() -> None:
    """Every function that the loop brings itself, a change while it runs, people beyond one group, one lost."""
    pytest.importorskip("numba", reason="the optional extra 'simulation' is not installed")
    text = """model m
        a' = k * tanh(3 * (b - 1)) - a / (1 + max(a, 0.1)) + min(b, time);
        b' = piecewise(0.3 - a, a < 0.5, -0.2 * b) + exp(-a);
        a = 0; b = 2; k = 1;
    end"""
    compiled = compile_model(catalogue.from_antimony(text, "m"))
    k = np.linspace(0.2, 2, 41)
    k[7] = np.nan
    given = (Course(4, 8, ("a", "b")), 41, {"k": k}, [Intervention(1.3, {"b": np.linspace(1, 3, 41)})])
    plain, fast = (simulate(compiled, *given, step=0.05, by=by) for by in ("numpy", "machine code"))
    for name in ("a", "b"):
        np.testing.assert_allclose(fast[name], plain[name], rtol=1e-12, atol=1e-13)
        assert np.isnan(fast[name][-1, 7])
        assert np.isnan(fast[name][-1]).sum() == 1


def test_an_engine_used_twice_starts_from_the_beginning_each_time() -> None:
    for extra in ("", EVENT):
        engine = Engine(sbml.parse(DECAY.format(extra=extra)))
        first = engine.run(COURSE, {"k": 0.5})["drug"]
        engine.run(COURSE, {"k": 5.0})
        np.testing.assert_array_equal(engine.run(COURSE, {"k": 0.5})["drug"], first)
        assert engine.run(COURSE)["drug"][-1] != first[-1]


@pytest.mark.parametrize(
    ("name", "changes", "symbol", "duration"),
    [
        ("body_weight", {"BW_0": 72.0, "dEI": -290.0}, "BW", 300),
        ("meal_glucose", {"G_b": 130.0, "Q_sto1": 5e4, "D": 5e4}, "G", 200),
        ("type_1_glucose", {"I_b": 50.0, "BW": 50.0}, "I", 200),
        ("oral_dose", {"dose": 30.0}, "AUC", 20),
        ("circulation", {"ao_c": 0.4}, "ao_p", 1),
    ],
)
def test_what_follows_from_a_changed_parameter_follows_in_both_engines(
    name: str, changes: dict[str, float], symbol: str, duration: float
) -> None:
    """A person's weight is where the weight begins; and the next person's run knows nothing of it."""
    course, engine = Course(duration, 4, (symbol,)), Engine(catalogue.load(name))
    usual = engine.run(course, absolute=1e-8)[symbol]
    slow = engine.run(course, changes, absolute=1e-8)[symbol]
    fast = simulate(catalogue.compiled(name), course, 1, changes, substeps=int(duration / catalogue.card(name).step))
    np.testing.assert_allclose(slow, fast[symbol][:, 0], rtol=1e-5)
    assert np.abs(slow - usual).max() > 1e-3
    np.testing.assert_allclose(engine.run(course, absolute=1e-8)[symbol], usual, rtol=1e-9)


def test_what_the_fast_path_cannot_do_it_refuses_by_name() -> None:
    model = sbml.parse(DECAY.format(extra=EVENT))
    assert Engine(model).run(COURSE)["drug"].max() <= 2
    with pytest.raises(sbml.Unsupported, match="events"):
        compile_model(model)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no <sbml> element"),
        ("<sbml", "line 2: Unclosed token"),
        ('<!DOCTYPE x [<!ENTITY a "b">]>' + DECAY.format(extra=""), "document type"),
    ],
)
def test_a_bad_document_is_refused_with_its_place(text: str, reason: str) -> None:
    with pytest.raises(sbml.BadModel, match=reason):
        sbml.parse(text)


def test_a_formula_must_not_use_what_the_model_does_not_define() -> None:
    with pytest.raises(sbml.BadModel, match="missing"):
        compile_model(sbml.parse(DECAY.format(extra="").replace("<ci>k</ci>", "<ci>missing</ci>")))


def test_settings_need_a_duration() -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_settings("steps: 10\nvariables: a")
