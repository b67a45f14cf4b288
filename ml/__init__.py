"""Risk models: tasks declared as data, cohorts, as-of features, clinical equations, training, gates, scored cohorts.

What others call:

- ``ml.task.load(name)`` / ``ml.task.names()``: the declared prediction tasks.
- ``ml.train.train(settings, name)``: fit and compare the candidates, log to MLflow, gate, move aliases.
- ``ml.score.score(settings, name)``: the champion scores everyone eligible at the latest date; writes derived tables.
- ``ml.ablate.ablate(settings, name, without=...)``: held-out C with and without families of features.
- ``ml.equations.evaluate(name, columns)``: a clinical equation over a table of inputs.
- ``ml.tables.DERIVED``: the tables this room writes.

Everything here is research use, not for care.
"""
