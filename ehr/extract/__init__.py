"""Delimited and Parquet extracts, read by declared mappings.

A mapping is a YAML file: which files it is for, which source column feeds which column of which raw table, with what
type, date format, time zone, null strings and value codes, and which column says when a fact was true and when it was
known. `mapping` validates it, `compile` turns it into DuckDB SQL, `records` cuts a file into records with exact line
numbers, `engine` runs both, `catalog` chooses the mapping of a file, `check` explains what a mapping would do.
"""
