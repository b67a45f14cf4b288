# ruff: noqa: E501  (XML is easier to read unbroken)
"""A C-CDA document for tests, written by hand after the C-CDA R2.1 implementation guide."""

from __future__ import annotations

LOINC, SNOMED, RXNORM, ICD10CM = (
    "2.16.840.1.113883.6.1",
    "2.16.840.1.113883.6.96",
    "2.16.840.1.113883.6.88",
    "2.16.840.1.113883.6.90",
)
T = "2.16.840.1.113883.10.20.22.4."

PROBLEM = f"""<entry><act classCode="ACT" moodCode="EVN"><templateId root="{T}3"/><statusCode code="active"/>
<entryRelationship typeCode="SUBJ"><observation classCode="OBS" moodCode="EVN"{{negation}}><templateId root="{T}4"/>
<id root="1.2.3" extension="{{key}}"/><code code="55607006" codeSystem="{SNOMED}"/><statusCode code="completed"/>
<effectiveTime><low value="2019"/></effectiveTime>
<value xsi:type="CD" code="{{snomed}}" codeSystem="{SNOMED}"><originalText><reference value="#p1"/></originalText>
<translation code="{{icd}}" codeSystem="{ICD10CM}"/></value></observation></entryRelationship></act></entry>"""
SMOKING = f"""<entry><observation classCode="OBS" moodCode="EVN"><templateId root="{T}78"/><id root="1.2.4" extension="s1"/>
<code code="72166-2" codeSystem="{LOINC}"/><statusCode code="completed"/><effectiveTime value="20240201"/>
<value xsi:type="CD" code="8517006" codeSystem="{SNOMED}" displayName="Former smoker"/></observation></entry>"""
RESULT = f"""<entry><organizer classCode="BATTERY" moodCode="EVN"><templateId root="{T}1"/><id root="1.2.5"/><statusCode code="completed"/>
<component><observation classCode="OBS" moodCode="EVN"><templateId root="{T}2"/><id root="1.2.6" extension="r1"/>
<code code="4548-4" codeSystem="{LOINC}" displayName="HbA1c"/><statusCode code="completed"/><effectiveTime value="20240201103000-0600"/>
<value xsi:type="PQ" value="6.8" unit="%"/><referenceRange><observationRange><value xsi:type="IVL_PQ"><low value="4.0" unit="%"/>
<high value="5.6" unit="%"/></value></observationRange></referenceRange></observation></component></organizer></entry>"""
MEDICATION = f"""<entry><substanceAdministration classCode="SBADM" moodCode="EVN"><templateId root="{T}16"/><id root="1.2.7" extension="m1"/>
<statusCode code="active"/><effectiveTime xsi:type="IVL_TS"><low value="20230110"/></effectiveTime>
<effectiveTime xsi:type="PIVL_TS" institutionSpecified="true"><period value="12" unit="h"/></effectiveTime>
<doseQuantity value="1"/><consumable><manufacturedProduct><manufacturedMaterial>
<code code="83367" codeSystem="{RXNORM}" displayName="atorvastatin"/></manufacturedMaterial></manufacturedProduct></consumable>
</substanceAdministration></entry>"""


def section(code: str, *entries: str, text: str = "") -> str:
    """A section of the body."""
    return (
        f'<component><section><code code="{code}" codeSystem="{LOINC}"/><title>T</title><text>{text}</text>'
        + "".join(entries)
        + "</section></component>"
    )


def problem(key: str, snomed: str, icd: str, negated: bool = False) -> str:
    """A problem list entry."""
    return PROBLEM.format(key=key, snomed=snomed, icd=icd, negation=' negationInd="true"' if negated else "")


def document(*sections: str, head: str = "", time: str = "20240315120000-0600") -> str:
    """A whole document about Jane Doe; without sections, one with problems, smoking, a result and a medication."""
    body = sections or (
        section(
            "11450-4",
            problem("p1", "44054006", "E11.9"),
            problem("p2", "13645005", "J44.9", negated=True),
            text='<list><item ID="p1">Diabetes, type 2</item></list>',
        ),
        section("29762-2", SMOKING),
        section("30954-2", RESULT),
        section("10160-0", MEDICATION),
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>{head}
<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:sdtc="urn:hl7-org:sdtc">
<typeId root="2.16.840.1.113883.1.3" extension="POCD_HD000040"/><id root="1.2.9" extension="doc-1"/>
<code code="34133-9" codeSystem="{LOINC}"/><title>Summary</title><effectiveTime value="{time}"/>
<recordTarget><patientRole><id root="2.16.840.1.113883.4.1" extension="111-22-3333"/><id root="1.2.8" extension="CD-5"/>
<addr><streetAddressLine>1 Main St</streetAddressLine><city>Springfield</city><postalCode>62701</postalCode></addr>
<telecom value="tel:+1-217-555-0100"/><patient><name><given>Jane</given><family>Doe</family></name>
<administrativeGenderCode code="F" codeSystem="2.16.840.1.113883.5.1"/><birthTime value="19600215"/></patient></patientRole></recordTarget>
<component><structuredBody>{"".join(body)}</structuredBody></component></ClinicalDocument>"""
