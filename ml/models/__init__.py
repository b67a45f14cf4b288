"""Candidate models in discrete time with a competing event: equation, recalibrated equation, Cox, LightGBM, offset.

Every kind of model is a module with ``fit``, ``margins`` and ``contributions``. A margin is the log odds of the event
(or the competing event) against nothing happening in one interval; from margins follow hazards, from hazards the
cumulative incidence at any time up to the horizon. Calibration, intervals and reasons are therefore the same for all.
"""
