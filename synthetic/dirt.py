"""The log of seeded dirt: every planted defect, where it is, and what the pipeline must make of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson

OUTCOMES = (
    "rejected",
    "converted",
    "flagged",
    "deduplicated",
    "superseded",
    "retracted",
    "late",
    "linked",
    "censored",
    "missing",
    "deleted",
)
"""What must become of a case: see ``Dirt.add``."""


@dataclass
class Dirt:
    """Planted cases, in the order in which they were written."""

    cases: list[dict[str, Any]] = field(default_factory=list)

    def add(self, case: str, file: str, record: str, person: str, outcome: str, **expected: object) -> None:
        """Note one case.

        Args:
            case: kind of defect, such as ``glucose_in_mmol``.
            file: path within landing.
            record: what finds it in the file: a FHIR id, a result id, ``line 12``, a sample and site.
            person: true person, or ``""``.
            outcome: one of ``OUTCOMES``. rejected: in quarantine, the rest of the file accepted. converted: value in
                the canonical unit. flagged: kept as written, marked, never guessed. deduplicated: one fact only.
                superseded: a later version replaces it from ``known_at`` on. retracted: gone from the later version's
                time on. late: known long after it was true. linked: both identities are one person. censored: a
                bound, not a value. missing: not a value and not the reference. deleted: removed by the source.
            expected: details to check, such as ``concept``, ``value_std``, ``unit_std``, ``reason``.
        """
        assert outcome in OUTCOMES
        self.cases.append(
            {
                "case": case,
                "file": file,
                "record": record,
                "true_person": person,
                "outcome": outcome,
                "expected": expected,
            }
        )

    def lines(self) -> bytes:
        """The cases as NDJSON."""
        return b"".join(orjson.dumps(case, option=orjson.OPT_SERIALIZE_NUMPY) + b"\n" for case in self.cases)
