"""HL7 v2, C-CDA and DICOM from landing to the ledger: corrections, retractions, visits that change state, merged
patients, series of images.

Collected by test_ledger, so that both share one run of dbt (fixture ``ledger``).
"""

from __future__ import annotations

from datetime import date, datetime

import pytest

from ehr.readers import READERS
from lake.ingest import ingest
from lake.landing import pending
from lake.settings import Settings
from tests.ehr.ccda.documents import document
from tests.ehr.dicom.images import image
from tests.ehr.hl7v2.messages import message, msh, obr, obx, pid, pv1, rxa
from tests.transform.conftest import Home

GLUCOSE, CREATININE, SODIUM = "2345-7^Glucose^LN", "2160-0^Creatinine^LN", "2951-2^Sodium^LN"
OBSERVED = "20240305080000+0100"


def results(time: str, *rows: str, reported: str = "") -> str:
    head = obr("F-1", observed=OBSERVED, reported=reported or time)
    return message(msh("ORU^R01", time), pid("100"), pv1("V-1"), head, *rows)


MESSAGES = {
    "1_admit.hl7": message(
        msh("ADT^A01", "20240305070000+0100"),
        "EVN|A01|20240305070000|||user|20240305065500",
        pid("100", f11="1 Main St^^Springfield^IL^62701", f13="^PRN^PH^^^217^5550100"),
        pv1("V-1", admitted="20240305065500"),
        "DG1|1||E11.9^Type 2 diabetes^I10C|Type 2 diabetes|20240305|A",
        "AL1|1|DA|7980^Penicillin^RXNORM|SV|Hives",
    ),
    "2_results.hl7": results(
        "20240305101500+0100",
        obx(GLUCOSE, "99", "mg/dL", f7="70-99"),
        obx(CREATININE, "9.9", "mg/dL"),
        obx(SODIUM, "<120", "mmol/L"),
    ),
    "3_corrections.hl7": results(
        "20240306090000+0100",
        obx(GLUCOSE, "109", "mg/dL", "C", f7="70-99"),
        obx(CREATININE, "9.9", "mg/dL", "W"),
        obx(SODIUM, "", "", "D", kind=""),
    ),
    "4_order.hl7": message(
        msh("RDE^O11", "20240306100000+0100"),
        pid("100"),
        pv1("V-1"),
        "ORC|NW|P-7|F-7||||||20240306095900+0100",
        "RXE|^^^20240306|6809^metformin^RXNORM|500||mg|TAB",
        "RXR|PO^Oral^HL70162",
    ),
    "5_discharge.hl7": message(
        msh("ADT^A03", "20240308120000+0100"),
        "EVN|A03|20240308115900",
        pid("100"),
        pv1("V-1", discharged="20240308113000"),
    ),
    "6_update.hl7": message(
        msh("ADT^A08", "20240309080000+0100"), pid("100", name="ROE^JANE", born="", sex=""), pv1("V-1")
    ),
    "7_other_number.hl7": message(
        msh("ADT^A04", "20230101080000+0100"), pid("200", name="SMITH^J", born=""), pv1("V-0", "O", "20230101080000")
    ),
    "8_merge.hl7": message(msh("ADT^A40", "20240310080000+0100"), pid("100"), "MRG|200"),
    "9_vaccination.hl7": message(
        msh("VXU^V04", "20240311080000+0100"),
        pid("100"),
        "ORC|RE||IZ-1",
        rxa("140^Influenza^CVX", "20240311", f6="0.5", f7="mL^^UCUM", f15="L-1", f20="CP", f21="A"),
        "ORC|RE||9999",
        rxa("33^Pneumococcal^CVX", "20240311", f6="999", f18="00^Parental decision^NIP002", f20="RE", f21="A"),
    ),
    "10_cancelled.hl7": message(
        msh("ADT^A01", "20240401080000+0100"), pid("100"), pv1("V-9", admitted="20240401080000")
    )
    + message(msh("ADT^A11", "20240401090000+0100"), pid("100"), pv1("V-9")),
    "11_appointment.hl7": message(
        msh("SIU^S12", "20240402080000+0100"),
        "SCH|A-1|A-2|||||Follow-up^^L||||^^^20240501090000^20240501093000",
        pid("100"),
    )
    + message(msh("SIU^S15", "20240403080000+0100"), "SCH|A-1|A-2|||||||||^^^20240501090000", pid("100")),
}


FILES = {
    "mercy/a.hl7": [*list(MESSAGES)[:2], "4_order.hl7", "7_other_number.hl7", "9_vaccination.hl7"],
    "mercy/b.hl7": ["8_merge.hl7", "6_update.hl7", "3_corrections.hl7", "5_discharge.hl7", *list(MESSAGES)[9:]],
}
"""Messages come in any order; what counts is the time that they carry."""


ANONYMOUS = {"PatientName": None, "PatientBirthDate": None, "PatientSex": None}
IMAGES: dict[str, dict[str, str]] = {
    "1": {"InstanceNumber": "1"},
    "2": {"InstanceNumber": "2", "SOPInstanceUID": "1.2.826.0.1.1.2.4"},
    "3": {"SeriesInstanceUID": "1.2.826.0.1.1.9", "SOPInstanceUID": "1.2.826.0.1.1.9.1", "SeriesDescription": "bone"},
}
"""Two images of one series and one of another, of the patient of the messages."""


def put(home: Home) -> None:
    """Land the messages, a document and images in a home."""
    settings = Settings(home=home.path)
    files = {name: "".join(MESSAGES[one] for one in names).encode() for name, names in FILES.items()}
    files["mercy/summary.xml"] = document().encode()
    files |= {f"mercy/ct/{name}.dcm": image(**ANONYMOUS, **given) for name, given in IMAGES.items()}
    for name, content in files.items():
        path = settings.landing / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    for entry in ingest(settings, READERS, {}, pending(settings)):
        assert (entry.status, entry.records_rejected) == ("ingested", 0), entry.detail


def facts(ledger: Home, domain: str, code: str, columns: str) -> list[tuple]:
    return ledger.query(
        f"select {columns} from core.twin_fact where source_system = 'mercy' and domain = '{domain}'"
        f" and code = '{code}' order by source_id, version"
    )


def test_a_corrected_result_is_a_new_version(ledger: Home) -> None:
    found = facts(ledger, "measurement", "2345-7", "version, op, value_std, event_at, known_at, superseded_at")
    assert found == [
        (1, "insert", 99.0, datetime(2024, 3, 5, 7), datetime(2024, 3, 5, 9, 15), datetime(2024, 3, 6, 8)),
        (2, "correct", 109.0, datetime(2024, 3, 5, 7), datetime(2024, 3, 6, 8), None),
    ]


@pytest.mark.parametrize("code", ["2160-0", "2951-2"])
def test_a_result_that_is_wrong_or_deleted_is_taken_back(ledger: Home, code: str) -> None:
    """OBX-11 W and D (HL7 table 0085)."""
    assert facts(ledger, "measurement", code, "op, known_at") == [
        ("insert", datetime(2024, 3, 5, 9, 15)),
        ("retract", datetime(2024, 3, 6, 8)),
    ]


def test_a_censored_value_and_a_reference_range_are_read(ledger: Home) -> None:
    assert facts(ledger, "measurement", "2951-2", "comparator, value_num")[0] == ("<", 120.0)
    assert facts(ledger, "measurement", "2345-7", "ref_low, ref_high")[0] == (70.0, 99.0)


def test_a_stay_runs_until_its_discharge_and_a_later_update_does_not_reopen_it(ledger: Home) -> None:
    query = (
        "select version, status, event_at, event_end_at, known_at from core.twin_fact where source_system = 'mercy'"
        " and domain = 'encounter' and encounter_key = 'V-1' order by version"
    )
    began = datetime(2024, 3, 5, 5, 55)
    assert ledger.query(query) == [
        (1, "in-progress", began, None, datetime(2024, 3, 5, 6)),
        (2, "finished", began, datetime(2024, 3, 8, 10, 30), datetime(2024, 3, 8, 11)),
    ]


def test_a_cancelled_admission_is_taken_back(ledger: Home) -> None:
    query = (
        "select op, status from core.twin_fact where encounter_key = 'V-9' and domain = 'encounter' order by version"
    )
    assert ledger.query(query) == [("insert", "in-progress"), ("retract", "cancelled")]


def test_a_merge_joins_two_numbers_although_nothing_else_agrees(ledger: Home) -> None:
    found = dict(
        ledger.query(
            "select source_person_key, person_id from intermediate.int_identity__link where source_system = 'mercy'"
        )
    )
    assert found["100^^^STA"] == found["200^^^STA"]
    visit = "select person_id from core.twin_fact where encounter_key = 'V-0' and domain = 'encounter'"
    assert ledger.query(visit) == [(found["100^^^STA"],)]


def test_an_empty_field_says_nothing_new_about_the_patient(ledger: Home) -> None:
    """The update of 9 March renames her and is silent about the rest (HL7 v2.5.1, 2.5.3)."""
    query = (
        "select given, phone, postal_code, birth_date, replaced_by from intermediate.int_identity__person_record"
        " where source_person_key = '{}' and source_system = 'mercy'"
    )
    assert ledger.query(query.format("100^^^STA")) == [("JANE", "(217)5550100", "62701", date(1960, 2, 15), None)]
    assert ledger.query(query.format("200^^^STA"))[0][-1] == "100^^^STA"


def test_an_order_is_a_medication_and_a_refusal_is_none(ledger: Home) -> None:
    assert facts(ledger, "medication", "6809", "concept, value_num, unit_src") == [("metformin", 500.0, "mg")]
    assert facts(ledger, "immunization", "140", "value_num, unit_src") == [(0.5, "mL")]
    assert facts(ledger, "immunization", "33", "1") == []
    assert facts(ledger, "not_done", "33", "category, value_code") == [("immunization", "00")]


def test_a_cancelled_appointment_is_taken_back(ledger: Home) -> None:
    query = (
        "select op, event_at from core.twin_fact where source_system = 'mercy' and domain = 'order'"
        " and category = 'appointment' order by version"
    )
    assert ledger.query(query) == [("insert", datetime(2024, 5, 1, 8)), ("retract", datetime(2024, 5, 1, 8))]


def test_a_document_reaches_the_ledger(ledger: Home) -> None:
    """Times keep the offset of the document where they have none; it was known when the document was made."""
    known = datetime(2024, 3, 15, 18)
    assert facts(ledger, "measurement", "4548-4", "concept, value_std, event_at, known_at, ref_high") == [
        ("hba1c", 6.8, datetime(2024, 2, 1, 16, 30), known, 5.6)
    ]
    assert facts(ledger, "measurement", "72166-2", "concept, value_text, known_at") == [
        ("smoking_status", "former", known)
    ]
    assert facts(ledger, "medication", "83367", "concept, event_at") == [("atorvastatin", datetime(2023, 1, 10))]
    diabetes = (
        "select concept, event_precision, op, status from core.twin_fact where source_table = 'ccda_problem'"
        " order by source_id"
    )
    assert ledger.query(diabetes) == [
        ("type_2_diabetes", "year", "insert", "active"),
        ("copd", "year", "retract", "negated"),  # the document says that she does not have it
    ]


def test_the_patient_of_the_document_is_the_patient_of_the_messages(ledger: Home) -> None:
    query = "select count(distinct person_id) from intermediate.int_identity__link where source_system = 'mercy'"
    assert ledger.query(query) == [(1,)]


def test_a_series_of_images_is_one_fact_of_the_same_patient(ledger: Home) -> None:
    """PS3.3, A.1.2: patient, study, series, instance. No header says when it was reported: seeds/known_rule.csv."""
    columns = "component, version, category, display, value_text, event_at, known_at, known_basis"
    start, known = datetime(2024, 3, 5, 9, 20), datetime(2024, 3, 6, 9, 20)
    query = (
        f"select {columns} from core.twin_fact where domain = 'imaging_study' and source_system = 'mercy' order by 1"
    )
    assert ledger.query(query) == [
        ("1.2.826.0.1.1.2", 1, "CT", "CHEST", "CT thorax: lung window", start, known, "imputed"),
        ("1.2.826.0.1.1.9", 1, "CT", "CHEST", "CT thorax: bone", start, known, "imputed"),
    ]
    people = "select count(distinct person_id) from core.twin_fact where source_person_key = '100^^^STA'"
    assert ledger.query(people) == [(1,)]
