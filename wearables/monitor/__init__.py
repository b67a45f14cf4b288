"""The resident monitor: readings that arrive in small files become alarms within a second.

``watch`` tails a folder, ``mqtt`` fills it from a broker, ``store`` commits a file's readings, the state of every
rule and the alarms in one transaction, ``replay`` runs the same rules over history. ``rule`` says what a rule is;
``levels``, ``events`` and ``nights`` are their kinds, and what is declared stands in ``rules.yaml``.
"""
