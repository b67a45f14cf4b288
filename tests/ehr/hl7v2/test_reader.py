"""Landing HL7 v2: what is staged, what is refused with which reason, and that records and values always add up."""

from __future__ import annotations

import gzip

import pytest

from ehr.hl7v2.reader import READERS
from ehr.leaves import LeafReport
from lake import landing
from lake.contracts import load
from lake.ingest import ingest
from lake.preview import Preview
from lake.settings import PROJECT_DIR, Settings
from tests.ehr.hl7v2.messages import message, msh, obr, obx, pid, pv1

GLUCOSE = "2345-7^Glucose^LN"
GOOD = message(msh("ORU^R01", "20240305101500"), pid("1"), obr("F-1", observed="20240305"), obx(GLUCOSE, "99", "mg/dL"))


@pytest.fixture
def read_all(reading):
    return reading(READERS[0], ".hl7")


def rows(found: Preview, table: str, *names: str) -> list[tuple]:
    return (
        [tuple(row[name] for name in names) for row in found.tables[table].to_pylist()] if table in found.tables else []
    )


BAD = {
    "a line that is no segment": (2, "just some text", "not_a_segment"),
    "a lower-case segment name": (2, "pid|1", "not_a_segment"),
    "an observation that names nothing": (4, "OBX|1|NM|||5", "missing_field"),
    "an observation of one field": (4, "OBX|1", "missing_field"),
    "a diagnosis without code and text": (4, "DG1|1|I10", "missing_field"),
    "bytes that are not UTF-8": (4, b"OBX|1|ST|1^a^L||caf\xe9", "invalid_encoding"),
}


def with_line(at: int, line: str | bytes) -> bytes:
    lines = [one.encode() for one in GOOD.split("\r")]
    lines.insert(at, line.encode() if isinstance(line, str) else line)
    return b"\r".join(lines)


def test_a_bad_segment_is_rejected_with_its_line_and_the_rest_is_staged(read_all) -> None:
    contents = {case: with_line(at, line) for case, (at, line, _) in BAD.items()}
    for case, found in read_all(contents).items():
        at, _, reason = BAD[case]
        assert [(bad.position, bad.reason) for bad in found.rejected] == [(f"line {at + 1}", reason)], case
        assert found.records == {"read": 5, "accepted": 4, "rejected": 1, "ignored": 0}
        assert LeafReport.of(found.notes).rejected.total() >= 1
        assert rows(found, "hl7v2_observation", "value_1", "patient_id") == [("99", "1^^^STA")]


def test_segments_before_any_header_are_rejected(read) -> None:
    found = read(message(pid("9"), obx(GLUCOSE, "1")) + GOOD)
    assert [(bad.position, bad.reason) for bad in found.rejected] == [
        ("line 1", "no_message_header"),
        ("line 2", "no_message_header"),
    ]
    assert rows(found, "hl7v2_observation", "value_1") == [("99",)]


def test_a_file_without_any_header_holds_nothing(read) -> None:
    found = read(message(pid("9"), obx(GLUCOSE, "1")))
    assert (found.records["rejected"], found.tables) == (2, {})


def test_a_header_that_defines_no_delimiters_loses_its_message_only(read_all) -> None:
    headers = ["MSH|", "MSH||||", "MSHA^~\\&A", "MSH|^^~\\&|", "MSH|abc|", "MSH|^~\\&#$%|a"]
    for header, found in read_all({header: f"{header}\rPID|1\r{GOOD}" for header in headers}).items():
        assert {bad.reason for bad in found.rejected} == {"bad_message_header"}, header
        assert [bad.position for bad in found.rejected] == ["line 1", "line 2"]
        assert rows(found, "hl7v2_observation", "value_1") == [("99",)]


def test_a_header_that_cannot_be_decoded_takes_its_segments_with_it(read) -> None:
    """Else they would slide into the message before."""
    found = read(GOOD.encode() + GOOD.replace("APP", "\xe9").encode("latin-1"))
    assert [bad.reason for bad in found.rejected] == ["invalid_encoding"] + ["bad_message_header"] * 3
    assert len(rows(found, "hl7v2_observation", "value_1")) == 1


def test_a_message_without_a_type_is_rejected(read) -> None:
    found = read(message("MSH|^~\\&|A|B|||20240101||||P|2.5", pid("1")) + GOOD)
    assert {bad.reason for bad in found.rejected} == {"missing_message_type"}
    assert len(rows(found, "hl7v2_person", "mrn")) == 1


def test_segments_of_a_rejected_patient_belong_to_nobody(read) -> None:
    found = read(GOOD + message("PID|1||||DOE^JOHN", obr("F-2"), obx(GLUCOSE, "500")))
    assert [bad.reason for bad in found.rejected] == ["missing_field"]
    assert rows(found, "hl7v2_observation", "value_1", "patient_id") == [("99", "1^^^STA"), ("500", None)]


def test_a_frame_that_never_ends_is_rejected(read) -> None:
    found = read("\x0b" + GOOD + "\x1c\r\x0b" + GOOD[:-12])
    assert {bad.reason for bad in found.rejected} == {"truncated_message"}
    assert rows(found, "hl7v2_observation", "value_1") == [("99",)]


FORMS = {
    "as it should be": GOOD,
    "LF": GOOD.replace("\r", "\n"),
    "CRLF": GOOD.replace("\r", "\r\n"),
    "blank lines": GOOD.replace("\r", "\r\n\r\n"),
    "no last end": GOOD.rstrip("\r"),
    "byte-order mark": "\ufeff" + GOOD,
    "blank lines first": "\n\n" + GOOD,
    "MLLP": "\x0b" + GOOD + "\x1c\r",
    "MLLP right after the last segment": "\x0b" + GOOD.rstrip("\r") + "\x1c\r\n",
}


def test_harmless_forms_are_read(read_all) -> None:
    for form, found in read_all(FORMS).items():
        assert found.records == {"read": 4, "accepted": 4, "rejected": 0, "ignored": 0}, form
        assert rows(found, "hl7v2_observation", "value_1", "code", "order_filler_number") == [("99", "2345-7", "F-1")]


def test_gzip_utf16_and_declared_character_sets_are_read(read_all) -> None:
    named = GOOD.replace("DOE^JANE", "MÜLLER^JANE")
    latin = named.replace("|2.5.1\r", "|2.5.1||||||8859/1\r")
    unknown = named.replace("|2.5.1\r", "|2.5.1||||||KLINGON\r")
    contents = {
        "gzip": gzip.compress(named.encode()),
        "utf-16": named.encode("utf-16"),
        "latin": latin.encode("latin-1"),
    }
    found = read_all(contents | {"unknown": unknown})
    assert found.pop("unknown").refused.startswith("unknown_character_set")
    for case, one in found.items():
        assert rows(one, "hl7v2_person", "family") == [("MÜLLER",)], case


def test_any_delimiters_and_every_escape_sequence_are_understood(read) -> None:
    """HL7 v2.5.1, 2.7."""
    content = message(
        "MSH$*@!%$APP$F$$$20240101$$ORU*R01$1$P$2.5.1",
        "PID$1$$77***X*MR$$O%x*ANN",
        "OBX$1$TX$1*note*L$$a!F!b!S!c!R!d!E!e!T!f!.br!g!X41!h!H!i!N!j!Zx!k$$$$$$F",
    )
    found = read(content)
    assert rows(found, "hl7v2_observation", "value_1") == [("a$b*c@d!e%f\ngAhij!Zx!k",)]
    assert rows(found, "hl7v2_person", "patient_id", "family", "given") == [("77^^^X", "O", "ANN")]
    assert ("x",) in rows(found, "hl7v2_value", "value")


def test_repetitions_components_and_subcomponents_keep_their_place(read) -> None:
    content = message(
        msh("ORU^R01", "20240101"),
        pid("1", f3="5^^^A&1.2.3&ISO^PI~7^^^B^MR~900^^^S^SS"),
        obr("F-1"),
        obx("5^x^L", "one^two&sub~three", kind="CE"),
    )
    found = read(content)
    assert rows(found, "hl7v2_person", "patient_id", "national_id") == [("7^^^B", "900")]
    assert rows(found, "hl7v2_person_identifier", "repetition_no", "identifier", "authority_id", "identifier_type") == [
        (1, "5", "1.2.3", "PI"),
        (2, "7", None, "MR"),
        (3, "900", None, "SS"),
    ]
    assert rows(found, "hl7v2_observation", "repetition_no", "value_1", "value_2") == [
        (1, "one", "two"),
        (2, "three", None),
    ]
    place = ("segment", "field_no", "repetition_no", "component_no", "subcomponent_no", "value")
    assert ("OBX", 5, 1, 2, 2, "sub") in rows(found, "hl7v2_value", *place)


def test_two_patients_in_one_message_keep_their_own_results(read) -> None:
    content = message(
        msh("ORU^R01", "20240101"),
        *(pid("1"), pv1("V-1"), obr("F-1"), obx(GLUCOSE, "1")),
        *(pid("2"), obr("F-2"), obx(GLUCOSE, "2"), obr("F-3"), obx(GLUCOSE, "3")),
    )
    found = rows(read(content), "hl7v2_observation", "value_1", "patient_id", "visit_key", "order_filler_number")
    assert sorted(found) == [
        ("1", "1^^^STA", "V-1", "F-1"),
        ("2", "2^^^STA", None, "F-2"),
        ("3", "2^^^STA", None, "F-3"),
    ]


def test_unknown_messages_and_segments_are_staged_as_written(read) -> None:
    found = read(message(msh("ZZZ^Z01", "20240101"), "ZPI|1|a^b", pid("1"), "NTE|1||hello"))
    staged = rows(found, "hl7v2_value", "segment", "field_no", "component_no", "value")
    assert {("ZPI", 1, 1, "1"), ("ZPI", 2, 1, "a"), ("ZPI", 2, 2, "b"), ("NTE", 3, 1, "hello")} <= set(staged)
    assert rows(found, "hl7v2_person", "mrn") == [("1",)]


def test_messages_for_training_are_left_out_by_rule(read) -> None:
    """MSH-11 T and D (HL7 table 0103)."""
    found = read(message(msh("ADT^A01", "20240101", processing="T"), pid("1")) + GOOD)
    assert found.ignored == {"training_or_debugging_message": 2}
    assert rows(found, "hl7v2_person", "mrn") == [("1",)]


def test_a_batch_that_announces_more_than_it_holds_is_reported(read_all) -> None:
    batch = "FHS|^~\\&\rBHS|^~\\&\r" + GOOD + GOOD + "BTS|{}\rFTS|1\r"
    right, found = read_all({"right": batch.format(2), "wrong": batch.format(3)}).values()
    assert right.ignored == {"batch_envelope": 4}
    assert [(bad.position, bad.reason) for bad in found.rejected] == [("line 11", "batch_count_differs")]


def test_embedded_documents_stay_in_the_landed_file(read) -> None:
    found = read(
        message(msh("ORU^R01", "20240101"), pid("1"), obr("F"), obx("1^pdf^L", "A^AP^PDF^Base64^JVBERi0=", kind="ED"))
    )
    assert rows(found, "hl7v2_observation", "value_3", "value_5") == [("PDF", None)]
    assert LeafReport.of(found.notes).ignored["embedded_document"] == 1


def test_files_read_in_one_go_are_as_each_alone(read, read_all) -> None:
    contents = {
        "one": GOOD,
        "two": "garbage\r" + GOOD.replace("|99|", "|98|"),
        "three": message(msh("ACK", "20240101")),
    }
    together = read_all(contents)
    for case, content in contents.items():
        alone, one = read(content), together[case]
        assert (alone.records, LeafReport.of(alone.notes), alone.rejected) == (
            one.records,
            LeafReport.of(one.notes),
            one.rejected,
        ), case
        for table, staged in alone.tables.items():
            assert staged.drop(["file_id"]).to_pylist() == one.tables[table].drop(["file_id"]).to_pylist(), case


@pytest.mark.slow  # Great Expectations takes seconds to start
def test_segments_of_no_patient_do_not_pass_the_contract(settings: Settings) -> None:
    path = settings.landing / "st_anne" / "in.hl7"
    path.parent.mkdir(parents=True)
    path.write_text(GOOD + message(msh("ORU^R01", "20240101"), obr("F-2"), obx(GLUCOSE, "500")), newline="")
    contracts = load([PROJECT_DIR / "ehr" / "hl7v2" / "contracts.yaml"])
    (entry,) = ingest(settings, READERS, contracts, landing.pending(settings))
    assert (entry.records_read, entry.records_accepted, entry.records_rejected) == (7, 5, 2)
    assert {breach.column for breach in entry.breaches} == {"patient_id"}
