"""Risk models: tasks declared as data, cohorts, as-of features, clinical equations, training, gates, scored cohorts.

What others call:

- ``ml.task.load(name)`` / ``ml.task.names()``: the declared prediction tasks.
- ``ml.train.train(settings, name)``: fit and compare the candidates, log to MLflow, gate, move aliases.
- ``ml.score.score(settings, name)``: the champion scores everyone eligible at the latest date; writes derived tables.
- ``ml.monitor.monitor(settings, name)`` and ``due``: drift, matured scores, and what they call for.
- ``ml.recalibrate.recalibrate(settings, name)``: level and slope of the champion fitted to what happened since.
- ``ml.equations_now.compute(settings)``: the clinical equations of everyone at the latest date.
- ``ml.ablate.ablate(settings, name, without=...)``: held-out C with and without families of features.
- ``ml.leakage.suite(settings, name)``: proofs that nothing leaks, L1 to L11.
- ``ml.equations.evaluate(equation, columns)``: a clinical equation over columns; ``ml.equations.table`` over any file.
- ``ml.predictions.assess(path)``: the whole evaluation of predicted risks in a table.
- ``ml.survival_table.read(path, spec)`` and ``ml.crossval.run(cohort)``: the candidates on any survival table.
- ``ml.aces.extract(events, task)``: task files of ACES on MEDS events.
- ``ml.attrition.flow``, ``ml.registry.verdicts`` and ``model_card``: who entered, what the gates said, the card.
- ``ml.tables.DERIVED``: the tables this room writes.

Everything here is research use, not for care.
"""
