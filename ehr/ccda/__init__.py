"""C-CDA 2.1: clinical documents read as a stream, entry by entry, by hardened XML.

``mapping.yaml`` says which value of which statement goes to which column; what it does not name is staged as written
in ``ccda_value``. ``reader.read`` reads one document into a sink, ``reader.READERS`` lands files.
"""
