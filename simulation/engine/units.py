"""Units of a model: which quantities carry none, so that their numbers cannot be checked."""

from __future__ import annotations

from simulation.engine.sbml import Model


def unit_gaps(model: Model) -> list[str]:
    """Ids of parameters, compartments and species for which no unit can be derived, in the order of the file."""
    document = model.document
    found = document.getModel()
    found.populateListFormulaUnitsData()
    gaps = []
    for one in [*found.getListOfCompartments(), *found.getListOfSpecies(), *found.getListOfParameters()]:
        derived = one.getDerivedUnitDefinition()
        if derived is None or derived.getNumUnits() == 0 or (not one.isSetUnits() and _is_parameter(one)):
            gaps.append(one.getId())
    return gaps


def _is_parameter(one: object) -> bool:
    return type(one).__name__ == "Parameter"
