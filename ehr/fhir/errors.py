"""Errors of the ViewDefinition compiler."""

from __future__ import annotations


class CompileError(ValueError):
    """A ViewDefinition is invalid, or uses what the documented subset does not have. The message says where."""
