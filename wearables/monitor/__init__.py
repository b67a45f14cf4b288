"""The resident monitor: readings that arrive in small files become alarms within a second.

``watch`` tails a folder, ``store`` commits a file's readings, the state of every rule and the alarms in one
transaction, ``rules`` decides, ``replay`` runs the same rules over history. What is declared stands in ``rules.yaml``.
"""
