"""Personalisation: a shared prior ensemble, weighted by how well each member explains a person's own data."""
