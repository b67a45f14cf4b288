"""Electronic health records: readers that turn what hospitals send into typed raw tables.

`ehr.fhir` reads FHIR R4 through SQL-on-FHIR ViewDefinitions, `ehr.extract` reads CSV and Parquet extracts through
declared mappings. Hands out ``readers.READERS`` and ``tables.TABLES``.
"""
