"""HL7 v2 in ER7 form, split set by set in DuckDB: messages, segments and values are rows, never Python objects.

``mapping.yaml`` says which value goes to which column; what it does not name is staged as written in ``hl7v2_value``.
``reader.read`` reads one file into a sink, ``reader.READERS`` lands files.
"""
