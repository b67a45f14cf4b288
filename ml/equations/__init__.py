"""Clinical equations: pure vectorised functions with their source, units, valid ranges and declared defaults.

``evaluate(name, columns)`` computes one over a table of inputs and says, per row, which inputs were defaulted and which
lie outside the range the equation was made for. Nothing is imputed silently.
"""

from ml.equations.base import Equation, EquationResult, Input, evaluate
from ml.equations.registry import EQUATIONS, get

__all__ = ["EQUATIONS", "Equation", "EquationResult", "Input", "evaluate", "get"]
