"""Pharmacogenes: definitions of named alleles, the matcher, and what guidelines say about the result."""
