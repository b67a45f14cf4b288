"""Treatments compared before anyone takes them: what is excluded and why, then benefit and harm in the same units."""
