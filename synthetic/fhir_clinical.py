"""Hospital A's record besides observations: encounters, conditions, orders, and what surrounds them."""
# ruff: noqa: E501 -- JSON templates read better unbroken

from __future__ import annotations

import numpy as np

from synthetic import care, fhir_observations, fhir_patients
from synthetic.care import ANNUAL, BASELINE, STAY, Diagnoses, Visits
from synthetic.chunks import Chunk
from synthetic.clock import DATA_CUTOFF, FIRST_EXPORT, Times, days, iso_local
from synthetic.codes import CONDITIONS, CVX, DRUGS, ICD10, LOINC, RXNORM, SNOMED
from synthetic.fhir_export import Export, file_name, instant
from synthetic.randomness import hex_ids

_CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
_VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
_ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"


def write(chunk: Chunk) -> None:
    """Write both exports of hospital A for one chunk."""
    export = Export()
    rng = chunk.rng("fhir clinical")
    visits, diagnoses = chunk.visits()
    patients = fhir_patients.draw(chunk)
    fhir_patients.write(chunk, export, patients)
    patient, encounter = patients.of_visits(visits), hex_ids(rng, len(visits))
    _encounters(chunk, export, visits, patient, encounter)
    _conditions(chunk, export, visits, diagnoses, patient, encounter)
    _orders(chunk, export, patients.id)
    _procedures(chunk, export, visits, diagnoses, patient, encounter)
    _preventive(chunk, export, visits, patient, encounter)
    _background(chunk, export, patients.id)
    fhir_observations.write(chunk, export, visits, patient, encounter)
    export.write(chunk)


def _coded(system: str, code: str, display: str) -> str:
    return f'{{"coding":[{{"system":"{system}","code":"{code}","display":"{display}"}}],"text":"{display}"}}'


def _who(patient: str, encounter: str | None = None, field: str = "subject") -> str:
    visit = f',"encounter":{{"reference":"Encounter/{encounter}"}}' if encounter else ""
    return f'"{field}":{{"reference":"Patient/{patient}"}}{visit}'


def _head(resource: str, rid: str, updated: str) -> str:
    return f'{{"resourceType":"{resource}","id":"{rid}","meta":{{"lastUpdated":"{updated}"}}'


def _encounters(chunk: Chunk, export: Export, visits: Visits, patient: list[str], encounter: list[str]) -> None:
    kinds = {
        BASELINE: ("AMB", "ambulatory", "185349003", "Encounter for check up"),
        ANNUAL: ("AMB", "ambulatory", "410620009", "Well child visit"),
        care.FOLLOW_UP: ("AMB", "ambulatory", "390906007", "Follow-up encounter"),
        care.DIAGNOSIS: ("AMB", "ambulatory", "185345009", "Encounter for symptom"),
        STAY: ("IMP", "inpatient encounter", "32485007", "Hospital admission"),
    }
    kinds[ANNUAL] = ("AMB", "ambulatory", "162673000", "General examination of patient")
    rows = np.flatnonzero(chunk.people.in_a[visits.person])
    end = visits.when[rows] + visits.minutes[rows].astype("timedelta64[m]")
    end = np.minimum(end, DATA_CUTOFF.astype("datetime64[m]") + np.timedelta64(1200, "m"))
    lines = []
    for row, start, stop, updated, kind, reason in zip(
        rows.tolist(), iso_local(visits.when[rows]), iso_local(end), instant(end + 30), visits.kind[rows].tolist(),
        visits.reason[rows].tolist(), strict=True,
    ):  # fmt: skip
        act, name, code, display = kinds[kind]
        because = f',"reasonCode":[{_coded(SNOMED, *CONDITIONS[reason][1:])}]' if reason else ""
        lines.append(
            f'{_head("Encounter", encounter[row], updated)},"status":"finished","class":{{"system":"{_ACT}","code":"{act}",'
            f'"display":"{name}"}},"type":[{_coded(SNOMED, code, display)}],{_who(patient[row])},"period":{{"start":"{start}",'
            f'"end":"{stop}"}}{because},"serviceProvider":{{"reference":"Organization/st-anne","display":"St. Anne Hospital"}}}}'
        )
    export.add("Encounter", lines, end)


def _condition(
    rid: str, updated: str, condition: str, patient: str, encounter: str, onset: str, recorded: str, verification: str
) -> str:
    icd, snomed, display = CONDITIONS[condition]
    clinical = (
        f'"clinicalStatus":{{"coding":[{{"system":"{_CLINICAL}","code":"active"}}]}},'
        if verification == "confirmed"
        else ""
    )
    return (
        f'{_head("Condition", rid, updated)},{clinical}"verificationStatus":{{"coding":[{{"system":"{_VERIFICATION}",'
        f'"code":"{verification}"}}]}},"category":[{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/condition-category",'
        f'"code":"encounter-diagnosis"}}]}}],"code":{{"coding":[{{"system":"{ICD10}","code":"{icd}","display":"{display}"}},'
        f'{{"system":"{SNOMED}","code":"{snomed}","display":"{display}"}}],"text":"{display}"}},{_who(patient, encounter)},'
        f'"onsetDateTime":"{onset}","recordedDate":"{recorded}"}}'
    )


def _conditions(
    chunk: Chunk, export: Export, visits: Visits, diagnoses: Diagnoses, patient: list[str], encounter: list[str]
) -> None:
    """Diagnoses; what people brought is dated to the month only. Some diagnoses are mistakes, withdrawn in the delta."""
    rng = chunk.rng("fhir conditions")
    when = visits.when[diagnoses.visit] + np.timedelta64(12, "m")
    ids = hex_ids(rng, len(when))
    acute = np.isin(diagnoses.condition, care.ACUTE)
    onset = np.datetime_as_string(np.where(acute, diagnoses.onset, diagnoses.recorded).astype("datetime64[D]"))
    onset = np.where(diagnoses.brought, np.datetime_as_string(diagnoses.onset.astype("datetime64[M]")), onset).tolist()
    lines = [
        _condition(rid, lu, name, patient[v], encounter[v], began, noted, "confirmed")
        for rid, lu, name, v, began, noted in zip(
            ids,
            instant(when + 3),
            diagnoses.condition.tolist(),
            diagnoses.visit.tolist(),
            onset,
            iso_local(when),
            strict=True,
        )
    ]
    export.add("Condition", lines, when)
    free = np.all([np.isnat(chunk.history.onset[name]) for name in ("t2d", "copd", "af")], axis=0)
    usual = (visits.kind == ANNUAL) & free[visits.person] & chunk.people.in_a[visits.person]
    usual &= visits.when.astype("datetime64[D]") < FIRST_EXPORT - 1
    rows = np.flatnonzero(usual)
    count = min(len(rows), max(1, round(len(chunk.people) * 0.6 / 100)))
    file = file_name("st_anne", "Condition", chunk.index)
    for turn, row in enumerate(np.sort(rng.choice(rows, count, replace=False)).tolist() if count else []):
        name = ("t2d", "copd", "af")[turn % 3]
        rid = hex_ids(rng, 1)[0]
        noted = visits.when[row : row + 1] + np.timedelta64(12, "m")
        undone = np.array([np.datetime64("2026-05-20T14:00") + np.timedelta64(23 * turn, "m")])
        args = (name, patient[row], encounter[row], str(noted[0].astype("datetime64[D]")), iso_local(noted)[0])
        export.first["Condition"].append(_condition(rid, instant(noted + 3)[0], *args, "confirmed"))
        export.delta["Condition"].append(_condition(rid, instant(undone)[0], *args, "entered-in-error"))
        person = chunk.people.key(int(visits.person[row]))
        chunk.dirt.add(
            "retracted_diagnosis", file, rid, person, "retracted", condition=name, known_at=instant(undone)[0]
        )


def _orders(chunk: Chunk, export: Export, patient: list[str]) -> None:
    rx = care.prescribe(chunk.people, chunk.history, chunk.rng("prescriptions"))
    when = rx.start.astype("datetime64[m]") + np.timedelta64(645, "m")
    current = rx.last & (rx.end > DATA_CUTOFF)
    code = {name: _coded(RXNORM, row[0], row[1]) for name, row in DRUGS.items()}
    lines = [
        f'{_head("MedicationRequest", rid, lu)},"status":"{"active" if now else "completed"}","intent":"order",'
        f'"medicationCodeableConcept":{code[drug]},{_who(patient[person])},"authoredOn":"{written}","dosageInstruction":[{{"text":'
        f'"{DRUGS[drug][2]} {DRUGS[drug][3]} once daily","doseAndRate":[{{"doseQuantity":{{"value":{DRUGS[drug][2]},"unit":'
        f'"{DRUGS[drug][3]}","system":"http://unitsofmeasure.org","code":"{DRUGS[drug][3]}"}}}}]}}],'
        f'"dispenseRequest":{{"validityPeriod":{{"start":"{begin}","end":"{end}"}}}}}}'
        for rid, lu, now, drug, person, written, begin, end in zip(
            hex_ids(chunk.rng("order ids"), len(when)), instant(when + 1), current.tolist(), rx.drug.tolist(),
            rx.person.tolist(), iso_local(when), days(rx.start), days(rx.end), strict=True,
        )
    ]  # fmt: skip
    export.add("MedicationRequest", lines, when)


def _procedures(
    chunk: Chunk, export: Export, visits: Visits, diagnoses: Diagnoses, patient: list[str], encounter: list[str]
) -> None:
    """Procedures and imaging that a diagnosis brings, and screening at annual visits."""
    rng = chunk.rng("fhir procedures")
    caused = {
        "mi": (
            "415070008",
            "Percutaneous coronary intervention",
            ("XA", "80891009", "Heart structure", "Coronary angiography"),
        ),
        "chd": ("33367005", "Coronary angiography", ("XA", "80891009", "Heart structure", "Coronary angiography")),
        "stroke": (
            "77477000",
            "Computed tomography",
            ("CT", "12738006", "Brain structure", "CT head without contrast"),
        ),
        "heart_failure": ("40701008", "Echocardiography", ("US", "80891009", "Heart structure", "Echocardiogram")),
        "breast_cancer": (
            "64368001",
            "Partial mastectomy",
            ("MG", "76752008", "Breast structure", "Diagnostic mammogram"),
        ),
        "colorectal_cancer": ("43075005", "Partial resection of colon", ("CT", "818983003", "Abdomen", "CT abdomen")),
    }
    plans: list[tuple[int, str, str, tuple[str, str, str, str] | None]] = []
    for condition, visit, brought in zip(
        diagnoses.condition.tolist(), diagnoses.visit.tolist(), diagnoses.brought.tolist(), strict=True
    ):
        if condition in caused and not brought:
            plans.append((visit, *caused[condition]))
    annual = np.flatnonzero((visits.kind == ANNUAL) & chunk.people.in_a[visits.person])
    luck = rng.random(len(annual))
    woman = ~chunk.people.male[visits.person[annual]]
    mammogram = ("MG", "76752008", "Breast structure", "Screening mammogram")
    plans += [(v, "24623002", "Screening mammography", mammogram) for v in annual[woman & (luck < 0.25)].tolist()]
    plans += [(v, "73761001", "Colonoscopy", None) for v in annual[luck > 0.93].tolist()]
    visit = np.array([row[0] for row in plans], dtype=np.int64)
    when = visits.when[visit] + np.timedelta64(20, "m")
    times, updated, ids, studies = (
        iso_local(when),
        instant(when + 40),
        hex_ids(rng, len(plans)),
        hex_ids(rng, len(plans)),
    )
    lines, images, imaged = [], [], []
    for k, (v, code, display, image) in enumerate(plans):
        lines.append(
            f'{_head("Procedure", ids[k], updated[k])},"status":"completed","code":{_coded(SNOMED, code, display)},'
            f'{_who(patient[v], encounter[v])},"performedPeriod":{{"start":"{times[k]}","end":"{times[k]}"}}}}'
        )
        if image:
            modality, site, site_name, description = image
            imaged.append(k)
            images.append(
                f'{_head("ImagingStudy", studies[k], updated[k])},"status":"available","modality":[{{"system":"http://dicom.nema.org/'
                f'resources/ontology/DCM","code":"{modality}"}}],{_who(patient[v], encounter[v])},"started":"{times[k]}","numberOfSeries":1,'
                f'"numberOfInstances":4,"description":"{description}","series":[{{"uid":"2.25.{int(studies[k][:8], 16)}{k}","number":1,"modality":'
                f'{{"system":"http://dicom.nema.org/resources/ontology/DCM","code":"{modality}"}},"numberOfInstances":4,"bodySite":'
                f'{{"system":"{SNOMED}","code":"{site}","display":"{site_name}"}},"started":"{times[k]}"}}]}}'
            )
    export.add("Procedure", lines, when)
    export.add("ImagingStudy", images, when[np.array(imaged, dtype=np.int64)])


def _preventive(chunk: Chunk, export: Export, visits: Visits, patient: list[str], encounter: list[str]) -> None:
    """Vaccinations and the laboratory's report of each visit."""
    rng = chunk.rng("fhir preventive")
    mine = chunk.people.in_a[visits.person]
    month = visits.when.astype("datetime64[M]").astype(int) % 12 + 1
    autumn = np.flatnonzero(mine & (visits.kind != STAY) & (month >= 9) & (rng.random(len(visits)) < 0.6))
    when = visits.when[autumn] + np.timedelta64(15, "m")
    flu = _coded(CVX, "140", "Influenza, seasonal, injectable, preservative free")
    covid = _coded(CVX, "208", "COVID-19, mRNA, LNP-S, PF, 30 mcg/0.3 mL dose")
    recent = (when >= np.datetime64("2021-01-01")) & (rng.random(len(when)) < 0.4)
    lines = [
        f'{_head("Immunization", rid, lu)},"status":"completed","vaccineCode":{covid if new else flu},'
        f'{_who(patient[v], encounter[v], "patient")},"occurrenceDateTime":"{t}","recorded":"{t}","primarySource":true}}'
        for rid, lu, new, v, t in zip(
            hex_ids(rng, len(autumn)), instant(when + 2), recent.tolist(), autumn.tolist(), iso_local(when), strict=True
        )
    ]
    export.add("Immunization", lines, when)
    drawn = np.flatnonzero(mine & ~visits.labs_at_b & np.isin(visits.kind, (BASELINE, ANNUAL)))
    issued = visits.when[drawn] + np.timedelta64(1500, "m")
    panel = _coded(LOINC, "24331-1", "Lipid 1996 panel - Serum or Plasma")
    lines = [
        f'{_head("DiagnosticReport", rid, lu)},"status":"final","category":[{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/'
        f'v2-0074","code":"LAB","display":"Laboratory"}}]}}],"code":{panel},{_who(patient[v], encounter[v])},"effectiveDateTime":"{t}",'
        f'"issued":"{i}","conclusion":"See individual results."}}'
        for rid, lu, v, t, i in zip(
            hex_ids(rng, len(drawn)),
            instant(issued + 1),
            drawn.tolist(),
            iso_local(visits.when[drawn]),
            iso_local(issued),
            strict=True,
        )
    ]
    export.add("DiagnosticReport", lines, issued)


def _background(chunk: Chunk, export: Export, patient: list[str]) -> None:
    """Allergies, family history and devices, asked or recorded at the baseline visit."""
    rng, people, history = chunk.rng("fhir background"), chunk.people, chunk.history
    n = len(people)
    when = people.enrolled.astype("datetime64[m]") + np.timedelta64(600, "m")
    updated, noted = instant(when), iso_local(when)
    substances = (("91936005", "Allergy to penicillin"), ("91935009", "Allergy to peanut"), ("294505008", "Allergy to amoxicillin"),
                  ("300913006", "Allergy to shellfish"))  # fmt: skip
    allergic, which, ids = rng.random(n) < 0.15, rng.integers(0, len(substances), n), hex_ids(rng, n)
    active = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical"
    rows = np.flatnonzero(allergic & people.in_a)
    lines = [
        f'{_head("AllergyIntolerance", ids[i], updated[i])},"clinicalStatus":{{"coding":[{{"system":"{active}","code":"active"}}]}},'
        f'"category":["{"food" if which[i] in (1, 3) else "medication"}"],"criticality":"low","code":{_coded(SNOMED, *substances[which[i]])},'
        f'{_who(patient[i], None, "patient")},"recordedDate":"{noted[i]}"}}'
        for i in rows.tolist()
    ]
    export.add("AllergyIntolerance", lines, when[rows])
    _family(chunk, export, patient, when)
    paced = np.flatnonzero(
        people.in_a & ~np.isnat(history.onset["af"]) & (history.onset["af"] < FIRST_EXPORT) & (rng.random(n) < 0.3)
    )
    fitted = np.maximum(history.onset["af"][paced], people.enrolled[paced]).astype("datetime64[m]") + np.timedelta64(
        720, "m"
    )
    lines = [
        f'{_head("Device", rid, lu)},"status":"active","manufacturer":"Acme Cardiac","modelNumber":"PX-2","serialNumber":"PX{rid[:8]}",'
        f'"type":{_coded(SNOMED, "14106009", "Cardiac pacemaker")},"patient":{{"reference":"Patient/{patient[i]}"}}}}'
        for rid, lu, i in zip(hex_ids(rng, len(paced)), instant(fitted), paced.tolist(), strict=True)
    ]
    export.add("Device", lines, fitted)


def _family(chunk: Chunk, export: Export, patient: list[str], when: Times) -> None:
    """Mother and father of everyone whom hospital A asked; an affected parent carries the condition's two codes."""
    rng, state = chunk.rng("fhir family"), chunk.history.states[0]
    n = len(chunk.people)
    asked = {
        "fh_t2d": "t2d",
        "fh_cvd": "mi",
        "fh_breast_cancer": "breast_cancer",
        "fh_colorectal_cancer": "colorectal_cancer",
    }
    side, age = rng.integers(0, 2, (n, len(asked))), rng.integers(42, 66, (n, len(asked)))
    updated, noted = instant(when), days(when)
    parents = (("MTH", "mother", "female"), ("FTH", "father", "male"))
    rows, lines = [], []
    ids = hex_ids(rng, 2 * n)
    for i in np.flatnonzero(chunk.people.in_a).tolist():
        for p, (code, display, sex) in enumerate(parents):
            conditions = []
            for k, (trait, name) in enumerate(asked.items()):
                parent = 0 if name == "breast_cancer" else int(side[i, k])
                if state[trait][i] and parent == p:
                    icd, snomed, text = CONDITIONS[name]
                    conditions.append(
                        f'{{"code":{{"coding":[{{"system":"{ICD10}","code":"{icd}","display":"{text}"}},{{"system":"{SNOMED}","code":'
                        f'"{snomed}","display":"{text}"}}],"text":"{text}"}},"onsetAge":{{"value":{age[i, k]},"unit":"years",'
                        '"system":"http://unitsofmeasure.org","code":"a"}}'
                    )
            had = f',"condition":[{",".join(conditions)}]' if conditions else ""
            rows.append(i)
            lines.append(
                f'{_head("FamilyMemberHistory", ids[2 * i + p], updated[i])},"status":"completed",{_who(patient[i], None, "patient")},'
                f'"date":"{noted[i]}","relationship":{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/v3-RoleCode","code":"{code}",'
                f'"display":"{display}"}}],"text":"{display}"}},"sex":{{"coding":[{{"system":"http://hl7.org/fhir/administrative-gender",'
                f'"code":"{sex}"}}]}}{had}}}'
            )
    export.add("FamilyMemberHistory", lines, when[np.array(rows, dtype=np.int64)])
