"""Landing C-CDA: what is staged, what is refused with which reason, and that records and values always add up."""

from __future__ import annotations

import gzip
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ehr.ccda import xml
from ehr.ccda.mapping import mapping
from ehr.ccda.reader import READERS
from ehr.ccda.tables import TABLES
from ehr.leaves import LeafReport
from lake.preview import Preview
from lake.quarantine import BadFile
from lake.reader import Landed
from lake.settings import Settings
from lake.sink import Sink
from tests.ehr.ccda.documents import RESULT, SMOKING, document, problem, section

BOMB = (
    '<!DOCTYPE z [<!ENTITY a "aaaaaaaaaa">'
    + "".join(
        f'<!ENTITY {one} "&{other};&{other};&{other};">' for other, one in zip("abcdefgh", "bcdefghi", strict=True)
    )
    + "]>"
)


@pytest.fixture
def read_all(reading):
    return reading(READERS[0], ".xml")


def rows(found: Preview, table: str, *names: str) -> list[tuple]:
    return [tuple(row[name] for name in names) for row in found.tables[table].to_pylist()]


def test_statements_reach_their_tables_with_codings_times_and_narrative(read) -> None:
    found = read(document())
    assert rows(found, "ccda_problem", "coding_no", "code", "code_text", "concern_status", "negation", "start_at")[
        :3
    ] == [
        (1, "44054006", "Diabetes, type 2", "active", None, "2019"),
        (2, "E11.9", "Diabetes, type 2", "active", None, "2019"),
        (1, "13645005", "Diabetes, type 2", "active", "true", "2019"),
    ]
    assert rows(found, "ccda_result", "value_num", "value_unit", "ref_high", "start_at_iso") == [
        ("6.8", "%", "5.6", "2024-02-01T10:30:00-0600")
    ]
    assert rows(found, "ccda_medication", "code", "start_at", "period", "period_unit", "dose") == [
        ("83367", "20230110", "12", "h", "1")
    ]
    assert rows(found, "ccda_person", "patient_id", "national_id", "family", "phone") == [
        ("CD-5^^^1.2.8", "111-22-3333", "Doe", "tel:+1-217-555-0100")
    ]
    assert rows(found, "ccda_document", "document_id", "document_time_iso") == [
        ("doc-1^^^1.2.9", "2024-03-15T12:00:00-0600")
    ]


HARMFUL = {
    "external entity": (document(head='<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]>'), "doctype_refused"),
    "billion laughs": (document(head=BOMB), "doctype_refused"),
    "document type alone": (document(head="<!DOCTYPE ClinicalDocument>"), "doctype_refused"),
    "an entity that is not defined": (document().replace("Jane", "&xxe;"), "invalid_xml"),
    "deep nesting": (document(section("1", "<entry>" + "<act>" * 400 + "</act>" * 400 + "</entry>")), "too_deep"),
    "cut off": (document()[:-900], "invalid_xml"),
    "not UTF-8": (document().encode().replace(b"Springfield", b"Spr\xe9ngfield"), "invalid_xml"),
    "two roots": (document() + "<a/>", "invalid_xml"),
    "a control character": (document().replace("Jane", "J\x01ne"), "invalid_xml"),
    "another kind of XML": ('<?xml version="1.0"?><html/>', "unknown_format"),
    "an encoding that nobody knows": (document().replace("UTF-8", "klingon"), "invalid_xml"),
}


def test_harmful_or_broken_documents_are_refused_whole_with_a_reason(read_all) -> None:
    found = read_all({case: content for case, (content, _) in HARMFUL.items()})
    for case, (_, reason) in HARMFUL.items():
        assert found[case].refused.startswith(f"{reason}:"), case
        assert not found[case].tables
    assert "line" in found["cut off"].refused


def test_harmless_forms_are_read_alike(read_all) -> None:
    plain = document()
    prefixed = (
        plain.replace('xmlns="urn', 'xmlns:c="urn').replace("<", "<c:").replace("<c:/", "</c:").replace("<c:?", "<?")
    )
    forms = {
        "plain": plain,
        "byte-order mark": "\ufeff" + plain,
        "CRLF": plain.replace("\n", "\r\n"),
        "gzip": gzip.compress(plain.encode()),
        "UTF-16": plain.replace("UTF-8", "UTF-16").encode("utf-16"),
        "Latin-1": plain.replace("UTF-8", "ISO-8859-1").encode("latin-1"),
        "prefixed": prefixed,
        "comments": plain.replace("<entry>", "<!-- x --><entry>"),
    }
    found = read_all(forms)
    for form, one in found.items():
        assert LeafReport.of(one.notes).staged == LeafReport.of(found["plain"].notes).staged, form
        assert one.records == found["plain"].records, form


def test_an_entry_without_a_statement_is_rejected_and_the_rest_is_staged(read) -> None:
    found = read(
        document(section("30954-2", "<entry><table/><b c='1'>x</b></entry>", RESULT), section("29762-2", SMOKING))
    )
    assert [(bad.reason, bad.record_no) for bad in found.rejected] == [("wrong_shape", 2)]
    assert found.rejected[0].position.startswith("line ")
    assert LeafReport.of(found.notes).rejected == {"wrong_shape": 2}
    assert rows(found, "ccda_result", "code") == [("4548-4",)]
    assert rows(found, "ccda_social_history", "value_code") == [("8517006",)]


def test_a_statement_that_no_table_knows_is_staged_as_written(read) -> None:
    plan = (
        '<entry><act classCode="ACT" moodCode="INT"><templateId root="2.16.840.1.113883.10.20.22.4.39"/>'
        '<code code="311791003"/><effectiveTime><low value="2025"/></effectiveTime></act></entry>'
    )
    found = read(document(section("18776-5", plan)))
    values = rows(found, "ccda_value", "section_code", "path", "value")
    assert ("18776-5", "entry/act/code/@code", "311791003") in values
    assert ("18776-5", "entry/act/effectiveTime/low/@value", "2025") in values


def test_an_unstructured_document_keeps_its_content_in_the_landed_file(read) -> None:
    start, end = document().index("<structuredBody>"), document().index("</component></ClinicalDocument>")
    body = '<nonXMLBody><text mediaType="application/pdf" representation="B64">JVBERi0=</text></nonXMLBody>'
    found = read(document()[:start] + body + document()[end:])
    assert LeafReport.of(found.notes).ignored["embedded_document"] == 3
    assert "JVBERi0=" not in {value for (value,) in rows(found, "ccda_value", "value")}
    assert rows(found, "ccda_document", "patient_id") == [("CD-5^^^1.2.8",)]


def test_a_document_about_several_patients_guesses_nobody(read) -> None:
    target = document()[
        document().index("<recordTarget>") : document().index("</recordTarget>") + len("</recordTarget>")
    ]
    found = read(document().replace(target, target + target.replace("CD-5", "CD-6")))
    assert [one for (one,) in rows(found, "ccda_person", "patient_id")] == ["CD-5^^^1.2.8", "CD-6^^^1.2.8"]
    assert {one for (one,) in rows(found, "ccda_problem", "patient_id")} == {None}


def test_memory_does_not_grow_with_the_number_of_entries(tmp_path: Path) -> None:
    """Entries are let go of as they end: the tree that is left of a long document is that of a short one."""

    def left(count: int) -> int:
        path = tmp_path / f"{count}.xml"
        path.write_text(document(section("11450-4", *(problem(f"p{n}", "44054006", "E11.9") for n in range(count)))))
        sink = Sink(Settings(home=tmp_path), file_id="x", source="s", account=None, work=tmp_path / str(count))
        sink.declare(TABLES)
        kept: list[xml.Node] = []
        read, xml_read = READERS[0].read, xml.read
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("ehr.ccda.reader.parse", lambda *args: kept.append(xml_read(*args)) or kept[0])
            read(Landed(path, "s"), sink)
        sink.close()
        return sum(1 for _ in xml.leaves(kept[0], ""))

    assert left(50) == left(2)


def test_every_template_of_the_mapping_is_named_once() -> None:
    assert len(mapping().statements) >= 25
    assert {"ccda_problem", "ccda_allergy", "ccda_vital_sign"} <= set(mapping().parts)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.binary(max_size=300),
        st.text(max_size=100).map(str.encode),
        st.integers(0, 3_000).map(lambda n: document()[:n].encode()),
    )
)
def test_no_bytes_make_the_parser_raise_anything_else(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.xml"
    path.write_bytes(content)
    with path.open("rb") as stream, suppress(BadFile):
        xml.read(stream, lambda _: None, lambda _: None)
