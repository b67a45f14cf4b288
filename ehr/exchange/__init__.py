"""Exports of the published snapshot in the formats that others read: OMOP CDM 5.4, MEDS 0.4, FHIR R4.

The shapes are dbt views in the schema ``marts_interop``; `snapshot` opens them as of a moment, `omop`, `meds` and
`fhir` write them to a folder, `dqd` runs OHDSI's data quality checks over an OMOP export. An export holds the current
version of every fact that is not retracted, as it was known at the moment asked for.
"""
