"""Wearables and environment: device dumps become typed samples in UTC and canonical units.

Hands out ``wearables.readers.READERS`` (Apple Health, Fitbit, Dexcom Clarity, LibreView, FIT, GPX, Open mHealth,
Health Connect, environment CSV; EDF, E4 and, with extras, GT3X, CWA and WFDB waveforms; ``declared``: other vendors
and a site's own files, by tables of names; ``account_export``: a vendor's whole zip), ``wearables.tables.TABLES``
and the metric dictionary ``wearables.metrics``. Local days, source merging, sleep nights and personal baselines are
SQL in ``transform/``; nothing here decides on them. Measures for anyone's file stand beside: ``glucose``,
``heart_beats``, ``circadian``, ``early_warning``, ``air_quality``, ``omh_schemas``; ``monitor`` is the resident
monitor.
"""
