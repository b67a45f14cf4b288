"""Electronic health records: readers that turn what hospitals send into typed raw tables.

`ehr.fhir` reads FHIR R4 through SQL-on-FHIR ViewDefinitions, `ehr.hl7v2` HL7 v2 messages, `ehr.ccda` C-CDA documents,
`ehr.dicom` headers of DICOM images, `ehr.extract` CSV and Parquet extracts through declared mappings.
Hands out ``readers.READERS`` and ``tables.TABLES``.
"""
