"""Every C-CDA and HL7 v2 sample loads, and nothing is silently null: values = staged + left out by rule + rejected.

Samples: HL7/C-CDA-Examples (152 files, CC0) and HL7/v2-to-fhir (Apache-2.0). The totals are counted here independently
of the readers, and the staged values are counted again in the tables.
"""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from xml.etree import ElementTree

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from ehr.ccda import reader as ccda
from ehr.hl7v2 import reader as hl7v2
from ehr.hl7v2.mapping import columns
from ehr.leaves import LeafReport
from lake.preview import Preview, preview

SAMPLES = 152


@pytest.fixture(scope="module")
def documents(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("ccda")
    archive = shared_data / "ehr" / "ccda_examples" / "hl7_ccda_examples.tar.gz"
    with tarfile.open(archive) as opened:
        opened.extractall(folder, filter="data")
    return sorted(folder.rglob("*.xml"))


@pytest.fixture(scope="module")
def read(documents: list[Path]) -> list[Preview]:
    return preview(documents, ccda.READERS)


def xml_values(path: Path) -> int:
    """Attributes, texts and tails that are not blank, by ElementTree; open prefixes of fragments are declared."""
    text = path.read_text(encoding="utf-8-sig")
    text = text[text.index("?>") + 2 :] if text.lstrip().startswith("<?xml") else text
    wrapped = f'<x xmlns:xsi="urn:xsi" xmlns:sdtc="urn:sdtc" xmlns:voc="urn:voc">{text}</x>'
    n, inside = -3, 0
    for event, node in ElementTree.iterparse(io.StringIO(wrapped), events=("start-ns", "end")):
        if event == "start-ns":
            n += 1  # a declaration of a namespace is an attribute
            continue
        inside += len(node.attrib) + bool((node.text or "").strip()) + bool((node.tail or "").strip())
    return n + inside


def test_every_document_loads(read: list[Preview]) -> None:
    assert len(read) == SAMPLES
    assert [one.path.name for one in read if one.refused] == []
    assert [bad for one in read for bad in one.rejected] == []


def test_every_value_of_every_document_is_accounted_for(read: list[Preview]) -> None:
    for one in read:
        assert LeafReport.of(one.notes).balanced, one.path.name
        assert LeafReport.of(one.notes).total == xml_values(one.path), one.path.name


def test_values_staged_as_written_are_rows(read: list[Preview]) -> None:
    for one in read:
        rows = one.tables["ccda_value"].num_rows if "ccda_value" in one.tables else 0
        assert rows == LeafReport.of(one.notes).staged["ccda_value"], one.path.name


def test_every_section_of_the_examples_gives_typed_rows(read: list[Preview]) -> None:
    """The folders of the examples say what is in them."""
    wanted = {
        "Allergies": "ccda_allergy",
        "Encounters": "ccda_encounter",
        "Immunizations": "ccda_immunization",
        "Medications": "ccda_medication",
        "Problems": "ccda_problem",
        "Procedures": "ccda_procedure",
        "Results": "ccda_result",
        "Vital Signs": "ccda_vital_sign",
        "Social History": "ccda_social_history",
        "Family History": "ccda_family_history",
    }
    without = {
        one.path.name.partition("(")[0]
        for one in read
        for folder, table in wanted.items()
        if folder in one.path.parts and table not in one.tables
    }
    # two hold only narrative, one only what is planned, one only an assessment
    assert without == {
        "No Information Allergies",
        "No Information Immunizations",
        "Procedure Alternatives",
        "WE Care Assessment",
    }


def test_the_message_of_the_v2_to_fhir_project_is_read_field_by_field(shared_data: Path, tmp_path: Path) -> None:
    """Compared with the bundle that the same project expects of it (FHIR_bundle.hl7_MDM_T02.xml)."""
    with tarfile.open(shared_data / "ehr" / "hl7v2_to_fhir_maps" / "mappings.tar.gz") as opened:
        content = opened.extractfile("samples/messages/Message.hl7_MDM_T02.txt").read()
        bundle = ElementTree.parse(opened.extractfile("samples/fhir-bundles/FHIR_bundle.hl7_MDM_T02.xml"))
    path = tmp_path / "mdm.hl7"
    path.write_bytes(content)
    (found,) = preview([path], hl7v2.READERS)
    assert found.records["rejected"] == 0
    assert LeafReport.of(found.notes).balanced
    parts = [piece for line in content.decode().splitlines() for piece in line.split("|")[1:]]
    values = sum(
        sum(bool(leaf) for rep in part.split("~") for comp in rep.split("^") for leaf in comp.split("&"))
        for part in parts
    )
    # MSH-2 came apart above into nothing but its escape character; MSH-1 and MSH-2 are one value each
    assert LeafReport.of(found.notes).total == values - 1 + 2
    for table, rows in found.tables.items():
        own = columns(table) if table != "hl7v2_value" else ["value"]
        cells = sum(
            pc.count(rows[name], mode="only_valid").as_py() for name in own if pa.types.is_string(rows[name].type)
        )
        assert cells == LeafReport.of(found.notes).staged[table], table

    def expected(path: str) -> list[str | None]:
        steps = "/".join("{http://hl7.org/fhir}" + step for step in f"Patient/{path}".split("/"))
        return [node.get("value") for node in bundle.iterfind(f".//{steps}")]

    (person,) = found.tables["hl7v2_person"].to_pylist()
    assert expected("name/family")[0] == person["family"]
    assert expected("name/given") == [person["given"], person["middle"]]
    assert expected("birthDate") == [person["birth_date_iso"]]
    assert expected("address/postalCode") == [person["postal_code"]]
    assert person["mrn"] in expected("identifier/value")
