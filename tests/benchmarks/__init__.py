"""Measurements: what the platform costs and how well its models find the planted risks. Never part of the tests.

``make bench`` runs them all, prints a table for each area and keeps the figures in ``bench_results/latest.json``;
``python -m tests.benchmarks --only demo`` runs one. An area is a module here with ``measure() -> list[dict]``: one dict
per row, with ``stage`` and whichever of the keys in ``report.COLUMNS`` it knows; further keys become further columns.
Trust CPU seconds and ratios to a peer measured in the same run; wall seconds depend on who else uses the machine.
"""
