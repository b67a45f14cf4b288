"""Observations of hospital A, with the seeded dirt of its laboratory and its export."""

from __future__ import annotations

import numpy as np

from synthetic import measuring
from synthetic.care import ANNUAL, BASELINE, Visits
from synthetic.chunks import Chunk
from synthetic.clock import DATA_CUTOFF, FIRST_EXPORT, Times, iso_local
from synthetic.codes import LOINC, MEASURES, SMOKING, SNOMED, UCUM
from synthetic.fhir_export import DELTA, Export, file_name, instant
from synthetic.measuring import CONCEPTS
from synthetic.randomness import hex_ids
from synthetic.units import MISLABELLED, OTHER_UNITS, Relabelled

_CATEGORY = (
    '"category":[{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/observation-category",'
    '"code":"{0}","display":"{1}"}}]}}]'
)
_VITAL, _LAB, _SOCIAL = (
    _CATEGORY.format(*pair)
    for pair in (("vital-signs", "Vital signs"), ("laboratory", "Laboratory"), ("social-history", "Social History"))
)
_PANEL = ("systolic_bp", "diastolic_bp")


def _code(concept: str) -> str:
    one = MEASURES[concept]
    return (
        f'"code":{{"coding":[{{"system":"{LOINC}","code":"{one.loinc}","display":"{one.name}"}}],"text":"{one.name}"}}'
    )


def _quantity(value: str, unit: str, comparator: str = "", code: str | None = None) -> str:
    bound = f'"comparator":"{comparator}",' if comparator else ""
    coded = f',"system":"{UCUM}","code":"{unit if code is None else code}"' if code != "" and unit else ""
    shown = f',"unit":"{unit}"' if unit else ""
    return f'"valueQuantity":{{"value":{value},{bound}'.rstrip(",") + f"{shown}{coded}}}"


class Observations:
    """Columns of one chunk's observations, one row per resource; dirt changes rows before they become lines."""

    def __init__(self, chunk: Chunk, visits: Visits, patient: list[str], encounter: list[str]) -> None:
        rng = chunk.rng("fhir observations")
        measured = chunk.measured(visits)
        keep = ~measured.at_b & (measured.concept != CONCEPTS.index("diastolic_bp"))
        diastolic = measured.concept == CONCEPTS.index("diastolic_bp")
        texts = measuring.text(measured)
        pressure = dict(zip(measured.visit[diastolic].tolist(), texts[diastolic].tolist(), strict=True))
        self.chunk, self.visits, self.rng = chunk, visits, rng
        self.patient, self.encounter = patient, encounter
        self.visit, self.concept = measured.visit[keep], measured.concept[keep]
        self.value, self.text = measured.value[keep], texts[keep]
        count = len(self.visit)
        self.id = hex_ids(rng, count)
        self.status = ["final"] * count
        self.effective = visits.when[self.visit] + np.timedelta64(5, "m")
        vital = np.array([m.vital for m in MEASURES.values()])[self.concept]
        delay = np.where(vital, 5, 120 + rng.exponential(600, count)).astype("timedelta64[m]")
        self.issued = self.effective + delay
        self.person = visits.person[self.visit]
        units = [m.unit for m in MEASURES.values()]
        self.quantity = [_quantity(t, units[c]) for t, c in zip(self.text.tolist(), self.concept.tolist(), strict=True)]
        self.panel = {
            row: pressure[visit]
            for row, visit in zip(
                np.flatnonzero(self.concept == CONCEPTS.index("systolic_bp")).tolist(),
                self.visit[self.concept == CONCEPTS.index("systolic_bp")].tolist(),
                strict=True,
            )
        }
        self._taken: set[int] = set()

    def pick(self, concept: str | None, per_hundred: float, before_export: bool = False) -> list[int]:
        """Choose rows that carry no other defect; about ``per_hundred`` for every 100 people, at least one."""
        allowed = np.ones(len(self.visit), dtype=bool) if concept is None else self.concept == CONCEPTS.index(concept)
        allowed &= self.concept != CONCEPTS.index("systolic_bp")
        if before_export:
            allowed &= self.issued.astype("datetime64[D]") < FIRST_EXPORT - 1
        rows = np.setdiff1d(np.flatnonzero(allowed), np.fromiter(self._taken, dtype=np.int64, count=len(self._taken)))
        wanted = min(len(rows), max(1, round(len(self.chunk.people) * per_hundred / 100)))
        chosen = self.rng.choice(rows, wanted, replace=False).tolist() if wanted else []
        self._taken.update(chosen)
        return sorted(chosen)

    def lines(self) -> list[str]:
        """The resources as JSON lines."""
        code = [_code(concept) for concept in CONCEPTS]
        category = [_VITAL if m.vital else _LAB for m in MEASURES.values()]
        head = [f"{category[i]},{code[i]}" for i in range(len(CONCEPTS))]
        bp = (
            f'{_VITAL},"code":{{"coding":[{{"system":"{LOINC}","code":"85354-9","display":"Blood pressure panel with '
            'all children optional"}],"text":"Blood pressure"}'
        )
        parts = [
            f'{{{_code(name)},"valueQuantity":{{"value":%s,"unit":"mm[Hg]","system":"{UCUM}","code":"mm[Hg]"}}}}'
            for name in _PANEL
        ]
        updated, effective, issued = instant(self.issued + 1), iso_local(self.effective), iso_local(self.issued)
        result = []
        for row, (rid, status, lu, concept, visit, eff, iss, quantity) in enumerate(
            zip(
                self.id,
                self.status,
                updated,
                self.concept.tolist(),
                self.visit.tolist(),
                effective,
                issued,
                self.quantity,
                strict=True,
            )
        ):
            if row in self.panel:
                what = bp
                quantity = f'"component":[{parts[0] % self.text[row]},{parts[1] % self.panel[row]}]'  # noqa: PLW2901
            else:
                what = head[concept]
            result.append(
                f'{{"resourceType":"Observation","id":"{rid}","meta":{{"lastUpdated":"{lu}"}},"status":"{status}",{what},'
                f'"subject":{{"reference":"Patient/{self.patient[visit]}"}},"encounter":{{"reference":"Encounter/{self.encounter[visit]}"}},'
                f'"effectiveDateTime":"{eff}","issued":"{iss}",{quantity}}}'
            )
        return result


def write(chunk: Chunk, export: Export, visits: Visits, patient: list[str], encounter: list[str]) -> None:
    """Add all observations of the chunk to the export."""
    rows = Observations(chunk, visits, patient, encounter)
    _relabel(rows)
    _bounds(rows)
    _late(rows)
    corrected = _mistype(rows)
    withdrawn = rows.pick(None, 0.75, before_export=True)
    deleted = rows.pick(None, 0.25, before_export=True)
    resent = rows.pick(None, 1.5, before_export=True)
    lines = rows.lines()
    export.add("Observation", lines, rows.issued)
    _repeat(rows, export, lines, resent)
    _correct(rows, export, lines, corrected)
    _withdraw(rows, export, lines, withdrawn, deleted)
    _smoking(chunk, export, visits, patient, encounter)
    _break_lines(rows, export)


def _log(rows: Observations, case: str, row: int, outcome: str, **expected: object) -> None:
    folder = "st_anne" if rows.issued[row].astype("datetime64[D]") < FIRST_EXPORT else f"st_anne/{DELTA}"
    file = file_name(folder, "Observation", rows.chunk.index)
    person = rows.chunk.people.key(int(rows.person[row]))
    expected.setdefault("concept", CONCEPTS[rows.concept[row]])
    rows.chunk.dirt.add(case, file, rows.id[row], person, outcome, **expected)


def _relabel(rows: Observations) -> None:
    """Other units, properly labelled (to convert), and wrongly labelled or unknown ones (to flag)."""
    for case in (*OTHER_UNITS, *MISLABELLED):
        for row in rows.pick(case.concept, case.per_hundred):
            value = case.written(rows.value[row])
            rows.quantity[row] = _quantity(value, case.unit, code=None if case.labelled else "")
            if isinstance(case, Relabelled):
                standard = round(case.canonical(float(value)), 4)
                _log(rows, case.name, row, "converted", value_src=value, unit_src=case.unit, value_std=standard,
                     unit_std=MEASURES[case.concept].unit)  # fmt: skip
            else:
                _log(rows, case.name, row, "flagged", value_src=value, unit_src=case.unit, reason=case.reason)


def _bounds(rows: Observations) -> None:
    for concept, sign, bound in (("crp", "<", "0.3"), ("egfr", ">", "90"), ("uacr", "<", "3.0")):
        for row in rows.pick(concept, 1):
            rows.quantity[row] = _quantity(bound, MEASURES[concept].unit, sign)
            _log(rows, "comparator", row, "censored", comparator=sign, value_std=float(bound))


def _late(rows: Observations) -> None:
    """Results that reached the record months after the blood was drawn."""
    for row in rows.pick(None, 1.5, before_export=True):
        late = rows.effective[row] + np.timedelta64(int(rows.rng.integers(60, 200)), "D")
        rows.issued[row] = min(late, DATA_CUTOFF.astype("datetime64[m]") + np.timedelta64(600, "m"))
        _log(rows, "late_result", row, "late", known_at=instant(rows.issued[row : row + 1] + 1)[0])


def _mistype(rows: Observations) -> list[tuple[int, str]]:
    """First-export values with a slipped decimal point; the right value comes with the delta."""
    result = []
    for concept in ("potassium", "creatinine", "ldl_cholesterol", "hba1c"):
        for row in rows.pick(concept, 0.75, before_export=True):
            right = str(rows.text[row])
            wrong = f"{float(right) * (0.1 if concept == 'ldl_cholesterol' else 1.6):.{MEASURES[concept].decimals}f}"
            rows.quantity[row] = _quantity(wrong, MEASURES[concept].unit)
            result.append((row, right))
    return result


def _correct(rows: Observations, export: Export, lines: list[str], corrected: list[tuple[int, str]]) -> None:
    for turn, (row, right) in enumerate(corrected):
        status = ("corrected", "amended")[turn % 2]
        known = np.array([np.datetime64("2026-05-11T10:00") + np.timedelta64(37 * turn, "m")])
        line = _reissue(rows, lines[row], row, known, status)
        start = line.index('"valueQuantity"')
        export.delta["Observation"].append(
            line[:start] + _quantity(right, MEASURES[CONCEPTS[rows.concept[row]]].unit) + "}"
        )
        _log(rows, "correction", row, "superseded", value_std=float(right), known_at=instant(known)[0], status=status)


def _withdraw(rows: Observations, export: Export, lines: list[str], withdrawn: list[int], deleted: list[int]) -> None:
    for turn, row in enumerate(withdrawn):
        known = np.array([np.datetime64("2026-05-18T09:00") + np.timedelta64(41 * turn, "m")])
        export.delta["Observation"].append(_reissue(rows, lines[row], row, known, "entered-in-error"))
        _log(rows, "observation_in_error", row, "retracted", known_at=instant(known)[0])
    for row in deleted:
        entry = f'{{"request":{{"method":"DELETE","url":"Observation/{rows.id[row]}"}}}}'
        export.delta["Bundle"].append(
            '{"resourceType":"Bundle","id":"del-'
            + rows.id[row]
            + '","meta":{"lastUpdated":"2026-06-29T04:00:00.000Z"},'
            f'"type":"transaction","entry":[{entry}]}}'
        )
        _log(rows, "deleted_resource", row, "deleted", known_at="2026-06-29T04:00:00.000Z")


def _reissue(rows: Observations, line: str, row: int, known: Times, status: str) -> str:
    old = instant(rows.issued[row : row + 1] + 1)[0]
    line = line.replace(f'"lastUpdated":"{old}"', f'"lastUpdated":"{instant(known)[0]}"')
    line = line.replace('"status":"final"', f'"status":"{status}"')
    return line.replace(f'"issued":"{iso_local(rows.issued[row : row + 1])[0]}"', f'"issued":"{iso_local(known)[0]}"')


def _repeat(rows: Observations, export: Export, lines: list[str], resent: list[int]) -> None:
    for turn, row in enumerate(resent):
        target = export.first if turn % 2 else export.delta
        target["Observation"].append(lines[row])
        _log(rows, "duplicate_in_file" if turn % 2 else "resent_unchanged", row, "deduplicated")


def _smoking(chunk: Chunk, export: Export, visits: Visits, patient: list[str], encounter: list[str]) -> None:
    """Smoking status, asked at the baseline and at most annual visits of hospital A."""
    rng = chunk.rng("fhir smoking")
    asked = (visits.kind == BASELINE) | ((visits.kind == ANNUAL) & (rng.random(len(visits)) < 0.7))
    rows = np.flatnonzero(asked & chunk.people.in_a[visits.person])
    status = chunk.history.status("smoking", visits.person[rows], visits.when[rows]).astype(int)
    when = visits.when[rows] + np.timedelta64(3, "m")
    code = (
        f'{_SOCIAL},"code":{{"coding":[{{"system":"{LOINC}","code":"72166-2","display":"Tobacco smoking status"}}],'
        '"text":"Tobacco smoking status"}'
    )
    answers = [
        f'"valueCodeableConcept":{{"coding":[{{"system":"{SNOMED}","code":"{c}","display":"{d}"}}],"text":"{d}"}}'
        for c, d in SMOKING
    ]
    lines = [
        f'{{"resourceType":"Observation","id":"{rid}","meta":{{"lastUpdated":"{lu}"}},"status":"final",{code},'
        f'"subject":{{"reference":"Patient/{patient[v]}"}},"encounter":{{"reference":"Encounter/{encounter[v]}"}},'
        f'"effectiveDateTime":"{eff}","issued":"{eff}",{answers[s]}}}'
        for rid, lu, v, eff, s in zip(
            hex_ids(rng, len(rows)), instant(when + 2), rows.tolist(), iso_local(when), status.tolist(), strict=True
        )
    ]
    export.add("Observation", lines, when)


def _break_lines(rows: Observations, export: Export) -> None:
    """Lines that are not JSON, or JSON that is not a resource: each must be rejected alone."""
    lines = export.first["Observation"]
    if not lines:
        return
    count = max(3, round(len(rows.chunk.people) / 100))
    places = np.sort(rows.rng.choice(len(lines), min(count, len(lines)), replace=False)).tolist()
    file = file_name("st_anne", "Observation", rows.chunk.index)
    kinds = (
        ("truncated_json", lambda line: line[: len(line) // 2]),
        ("not_a_resource", lambda _line: '{"status":"final","note":"export restarted"}'),
        ("not_json", lambda _line: "ERROR 504 upstream timed out, retrying"),
        ("json_array", lambda _line: '["Observation"]'),
    )
    for turn, place in enumerate(places):
        name, make = kinds[turn % len(kinds)]
        lines.insert(place, make(lines[place]))
        rows.chunk.dirt.add(name, file, f"line {place + 1}", "", "rejected", line=place + 1)
