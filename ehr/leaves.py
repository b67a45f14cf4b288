"""The leaf-count report: of every value in a document, whether it was staged, left out by a named rule, or rejected.

A leaf is one value that its format can hold no further division of: an HL7 v2 subcomponent, an XML attribute or text.
``total = staged + ignored + rejected`` must hold; a reader that loses one is defective.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson

from lake.sink import Sink


@dataclass
class LeafReport:
    """Counts of leaves: all, by raw table, by rule, by reason of rejection."""

    total: int = 0
    staged: Counter[str] = field(default_factory=Counter)
    ignored: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)

    @property
    def balanced(self) -> bool:
        """Whether every leaf is accounted for."""
        return self.total == self.staged.total() + self.ignored.total() + self.rejected.total()

    def add(self, other: LeafReport) -> None:
        """Add the counts of another file."""
        self.total += other.total
        self.staged.update(other.staged)
        self.ignored.update(other.ignored)
        self.rejected.update(other.rejected)

    def as_dict(self) -> dict[str, object]:
        """Plain form for JSON."""
        return {
            "leaves": self.total,
            "staged": dict(sorted(self.staged.items())),
            "ignored": dict(sorted(self.ignored.items())),
            "rejected": dict(sorted(self.rejected.items())),
        }

    def note(self, sink: Sink) -> None:
        """Keep the report in the file's manifest entry."""
        sink.note("leaves", orjson.dumps(self.as_dict()).decode())

    @classmethod
    def of(cls, notes: Mapping[str, str]) -> LeafReport:
        """Read a report back from the notes of a manifest entry; empty for formats without leaves."""
        if "leaves" not in notes:
            return cls()
        found = orjson.loads(notes["leaves"])
        return cls(found["leaves"], Counter(found["staged"]), Counter(found["ignored"]), Counter(found["rejected"]))
