"""Hospital B: a patient list and laboratory results as CSV, one file per year, with a laboratory's usual dirt."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle

import numpy as np

from synthetic import measuring
from synthetic.chunks import Chunk
from synthetic.clock import days
from synthetic.codes import MEASURES
from synthetic.dirt import Dirt
from synthetic.landing import Landing
from synthetic.measuring import CONCEPTS
from synthetic.typing_errors import nickname, slip, swapped_birth_date
from synthetic.units import MISLABELLED, OTHER_UNITS, Relabelled

PATIENT_COLUMNS = (
    "mrn,last_name,first_name,birth_date,sex,phone,email,address,city,postal_code,ssn,deceased_on,updated_at"
)
LAB_COLUMNS = ",".join(
    ("result_id", "mrn", "accession", "test_code", "test_name", "loinc", "value", "unit", "ref_low", "ref_high",
     "collected_at", "resulted_at", "status", "specimen")
)  # fmt: skip
CONTENT_PER_FILE = 50_000
"""Lines after which a year's results continue in another file, so that memory stays bounded."""
_LOCAL_UNITS = {"mL/min/{1.73_m2}": "mL/min/1.73m2", "10*3/uL": "10*3/uL", "mm[Hg]": "mmHg"}


class Extract:
    """Collects lines of hospital B over all chunks; a year's file is written when it is full or at the end."""

    def __init__(self, landing: Landing) -> None:
        self.landing = landing
        self.patients: list[str] = []
        self.labs: dict[int, list[str]] = {}
        self.parts: dict[int, int] = {}
        self.dirt = Dirt()

    def add(self, chunk: Chunk) -> None:
        """Take the patients and results of one chunk."""
        self._patients(chunk)
        self._labs(chunk)
        for year, lines in self.labs.items():
            if len(lines) >= CONTENT_PER_FILE:
                self._flush(year)

    def finish(self) -> bytes:
        """Write what is left; returns the log of seeded defects."""
        for year in sorted(self.labs):
            self._flush(year)
        data = "\n".join([PATIENT_COLUMNS, *self.patients]) + "\n"
        self.landing.put("riverside/patients.csv", data.encode(), len(self.patients))
        return self.dirt.lines()

    def file(self, year: int) -> str:
        """Path of the file that a year's next line goes to."""
        part = self.parts.get(year, 0)
        return f"riverside/labs_{year}{f'_{part + 1}' if part else ''}.csv"

    def _flush(self, year: int) -> None:
        lines = self.labs[year]
        if lines:
            self.landing.put(self.file(year), ("\n".join([LAB_COLUMNS, *lines]) + "\n").encode(), len(lines))
            self.parts[year] = self.parts.get(year, 0) + 1
        self.labs[year] = []

    def _patients(self, chunk: Chunk) -> None:
        rng, people = chunk.rng("riverside patients"), chunk.people
        luck = rng.random((len(people), 5))
        death, born = days(chunk.history.death), people.birth
        for i in np.flatnonzero(people.in_b).tolist():
            family, given, birth = people.maiden[i] or people.family[i], people.given[i], born[i]
            if people.maiden[i] is None:
                if luck[i, 0] < 0.03:
                    family = slip(family, rng)
                elif luck[i, 0] < 0.05:
                    given = slip(given, rng)
                elif luck[i, 0] < 0.08:
                    given = nickname(given)
                elif luck[i, 0] < 0.09:
                    birth = swapped_birth_date(birth)
            phone = people.phone[i] if luck[i, 1] < 0.85 else ""
            email = people.email[i] if luck[i, 2] < 0.6 else ""
            careful = luck[i, 0] < 0.09 or people.maiden[i] is not None
            ssn = people.ssn[i] if luck[i, 3] < 0.5 or careful else ""
            sex = "M" if people.male[i] else "F"
            shown = f"{phone[:3]}-{phone[3:6]}-{phone[6:]}" if phone else ""
            self.patients.append(
                f"{people.mrn_b[i]},{family},{given},{birth},{sex},{shown},{email},{people.street[i]},{people.city[i]},"
                f"{people.postal[i]},{ssn.replace('-', '')},{death[i] or ''},{people.enrolled[i]}T08:00:00"
            )
            chunk.identity.append(("riverside", people.mrn_b[i], people.key(i)))

    def _labs(self, chunk: Chunk) -> None:
        rng, people = chunk.rng("riverside labs"), chunk.people
        visits, _ = chunk.visits()
        measured = chunk.measured(visits)
        rows = np.flatnonzero(measured.at_b)
        visit, concept = measured.visit[rows], measured.concept[rows]
        person = visits.person[visit]
        values, texts = measured.value[rows], measuring.text(measured)[rows].tolist()
        collected = visits.when[visit] + np.timedelta64(15, "m")
        resulted = collected + (180 + rng.exponential(500, len(rows))).astype("timedelta64[m]")
        late = (
            rng.choice(len(rows), max(1, len(rows) // 200), replace=False) if len(rows) else np.empty(0, dtype=np.int64)
        )
        resulted[late] = np.minimum(resulted[late] + np.timedelta64(95 * 1440, "m"), np.datetime64("2026-06-30T18:00"))
        units = [_LOCAL_UNITS.get(m.unit, m.unit) for m in MEASURES.values()]
        unit = [units[c] for c in concept.tolist()]
        status = ["F"] * len(rows)
        ids = [f"RL{chunk.index:04d}{k:07d}" for k in range(len(rows))]
        year = collected.astype("datetime64[Y]").astype(int) + 1970
        log = _Log(self, chunk, ids, year, person, concept)
        for row in late.tolist():
            log.add("late_result", row, "late", known_at=str(resulted[row]))
        broken = self._spoil(rng, log, concept, values, texts, unit, status, late)
        collected_text, resulted_text = (
            np.datetime_as_string(np.asarray(t), unit="s").tolist() for t in (collected, resulted)
        )
        fixed = [
            f"{m.local},{m.name if ',' not in m.name else m.name.replace(',', ' ')},{m.loinc if k % 4 else ''}"
            for k, m in enumerate(MEASURES.values())
        ]
        ranges = [f"{'' if m.low is None else m.low},{'' if m.high is None else m.high}" for m in MEASURES.values()]
        mrn = [people.mrn_b[i] for i in person.tolist()]
        specimen = ["Urine" if name == "uacr" else "Blood" for name in CONCEPTS]
        lines = [
            f"{rid},{who},A{v:07d},{fixed[c]},{value},{u},{ranges[c]},{t0},{t1},{s},{specimen[c]}"
            for rid, who, v, c, value, u, t0, t1, s in zip(
                ids,
                mrn,
                visit.tolist(),
                concept.tolist(),
                texts,
                unit,
                collected_text,
                resulted_text,
                status,
                strict=True,
            )
        ]
        for k, line in enumerate(lines):
            target = self.labs.setdefault(int(year[k]), [])
            target.append(f"{line},extra,fields" if k in broken["wide"] else line)
            if k in broken["short"]:
                target[-1] = ",".join(line.split(",")[:5])
            if k in broken["twice"]:
                target.append(line)
            if k in broken["corrected"]:
                target.append(
                    self._corrected(
                        line, float(values[k]), int(concept[k]), str(resulted[k] + np.timedelta64(5760, "m"))
                    )
                )

    @staticmethod
    def _corrected(line: str, value: float, concept: int, resulted: str) -> str:
        cells = line.split(",")
        cells[6], cells[11], cells[12] = f"{value:.{list(MEASURES.values())[concept].decimals}f}", resulted + ":00", "C"
        return ",".join(cells)

    def _spoil(
        self, rng: np.random.Generator, log: _Log, concept: np.ndarray, values: np.ndarray, texts: list[str],
        unit: list[str], status: list[str], late: np.ndarray,
    ) -> dict[str, set[int]]:  # fmt: skip
        """Change texts, units and states in place; returns the rows whose whole line is to be changed."""
        free = np.ones(len(texts), dtype=bool)
        free[late] = False

        def pick(name: str | None, share: float) -> list[int]:
            rows = np.flatnonzero(free & ((concept == CONCEPTS.index(name)) if name else True))
            wanted = min(len(rows), max(1, round(len(rows) * share)))
            chosen = rng.choice(rows, wanted, replace=False) if wanted else rows
            free[chosen] = False
            return sorted(chosen.tolist())

        _relabel(log, pick, values, texts, unit)
        for name, sign, bound in (("crp", "<", "0.3"), ("egfr", ">", "90")):
            for k in pick(name, 0.02):
                texts[k] = f"{sign}{bound}"
                log.add("comparator", k, "censored", comparator=sign, value_std=float(bound))
        for k, word in zip(pick(None, 0.001), cycle(("HEMOLYZED", "12..3", "see note", "QNS")), strict=False):
            texts[k] = word
            log.add("value_not_a_number", k, "flagged", value_src=word, reason="value_not_numeric")
        for k in pick(None, 0.0005):
            status[k] = "X"
            log.add("cancelled_result", k, "retracted")
        shares = {"twice": 0.002, "corrected": 0.002, "short": 0.0004, "wide": 0.0004}
        broken = {name: pick(None, share) for name, share in shares.items()}
        for k in broken["corrected"]:
            texts[k] = f"{values[k] * 10:.0f}"
            log.add("correction", k, "superseded", value_std=float(values[k]), status="C")
        for name, case, outcome in (
            ("twice", "duplicate_in_file", "deduplicated"), ("short", "row_too_short", "rejected"),
            ("wide", "row_too_wide", "rejected"),
        ):  # fmt: skip
            for k in broken[name]:
                log.add(case, k, outcome)
        return {name: set(rows) for name, rows in broken.items()}


def _relabel(
    log: _Log, pick: Callable[[str | None, float], list[int]], values: np.ndarray, texts: list[str], unit: list[str]
) -> None:
    """Other units, properly labelled (to convert), and wrong, unknown or missing ones (to flag)."""
    for case in (*OTHER_UNITS, *MISLABELLED):
        if MEASURES[case.concept].vital:
            continue
        for k in pick(case.concept, 0.02 if isinstance(case, Relabelled) else 0.002):
            texts[k], unit[k] = case.written(values[k]), case.unit
            if isinstance(case, Relabelled):
                standard = round(case.canonical(float(texts[k])), 4)
                log.add(case.name, k, "converted", value_src=texts[k], unit_src=case.unit, value_std=standard,
                        unit_std=MEASURES[case.concept].unit)  # fmt: skip
            else:
                log.add(case.name, k, "flagged", value_src=texts[k], unit_src=case.unit, reason=case.reason)


class _Log:
    """Notes defects of laboratory rows by result id and file."""

    def __init__(
        self, extract: Extract, chunk: Chunk, ids: list[str], year: np.ndarray, person: np.ndarray, concept: np.ndarray
    ) -> None:
        self.extract, self.chunk, self.ids = extract, chunk, ids
        self.year, self.person, self.concept = year, person, concept

    def add(self, case: str, row: int, outcome: str, **expected: object) -> None:
        file, who = self.extract.file(int(self.year[row])), self.chunk.people.key(int(self.person[row]))
        self.extract.dirt.add(case, file, self.ids[row], who, outcome, concept=CONCEPTS[self.concept[row]], **expected)
