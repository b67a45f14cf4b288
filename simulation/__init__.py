"""Simulation: physiological models as SBML, run by libroadrunner or, for whole cohorts, by generated code.

Hands out: `simulation.engine` (any SBML file, and the semantic suite as a judge), `simulation.models` (the authored
models), `simulation.people`, `simulation.personal` (a person's own parameters), `simulation.treatment`,
`simulation.trials`; for a build `simulation.qualification` and `simulation.derive`, which write `simulation.tables`.
Needs the optional extra ``simulation`` (libroadrunner, python-libsbml, antimony, numba). Research use, not for care.
"""
