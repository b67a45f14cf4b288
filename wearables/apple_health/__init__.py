"""Apple Health exports: ``reader`` decides how a file is read and what becomes of workouts, metadata and the profile.

Small exports go through one statement (``lines``, ``sql``). Large ones are read in columns: ``records`` walks over
``blocks`` of text, ``heads`` (type, source, unit, device) and ``stamps`` (times) are parsed once each, ``content``
finds what correlations repeat, ``rows`` writes. ``types`` has HealthKit's names.
"""
