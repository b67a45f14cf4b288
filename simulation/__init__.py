"""Simulation: physiological models as SBML, run by libroadrunner or, for whole cohorts, by generated NumPy.

Hands out: `simulation.engine` (load, check and run any SBML file; the semantic test suite as a judge),
`simulation.models` (the authored models), `simulation.meals` and `simulation.personal` (a person's own parameters).
Needs the optional extra ``simulation`` (libroadrunner, python-libsbml, antimony). Research use, not for care.
"""
