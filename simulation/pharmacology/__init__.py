"""Pharmacology: doses and exposures by genotype, kidney function and other drugs."""
