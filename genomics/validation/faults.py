"""What a validation finds: faults with their place, counted by rule."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

EXAMPLES = 20
"""Faults kept per rule; the rest is counted, so that a file of a million faults needs no memory for them."""


@dataclass(frozen=True)
class Fault:
    """One violation: the line (0 for the file as a whole), the field it stands in, the rule, and what was found."""

    line_no: int
    field: str
    rule: str
    detail: str


@dataclass
class Faults:
    """Faults of a file: all are counted by rule, the first of each rule are kept."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: list[Fault] = field(default_factory=list)

    def add(self, line_no: int, column: str, rule: str, detail: str) -> None:
        """Add one fault."""
        self.counts[rule] += 1
        if self.counts[rule] <= EXAMPLES:
            self.examples.append(Fault(int(line_no), column, rule, detail))

    def wants(self, rule: str) -> int:
        """How many more examples of a rule are kept; beyond them `skip` counts without building a text."""
        return max(EXAMPLES - self.counts[rule], 0)

    def skip(self, rule: str, number: int) -> None:
        """Count faults without keeping them."""
        if number > 0:
            self.counts[rule] += number
