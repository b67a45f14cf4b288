"""The macros of ``transform/`` outside dbt: one text of a formula for the warehouse and for Python."""

from __future__ import annotations

from functools import cache
from typing import Any

from lake.settings import PROJECT_DIR


@cache
def macros(name: str) -> Any:
    """The macros of ``transform/macros/<name>.sql``, or of that folder, as Python functions that return SQL.

    They must not need dbt.
    """
    from jinja2 import Environment

    folder = PROJECT_DIR / "transform" / "macros"
    files = [folder / f"{name}.sql"] if (folder / f"{name}.sql").exists() else sorted((folder / name).glob("*.sql"))
    text = "\n".join(path.read_text(encoding="utf-8") for path in files)
    return Environment(extensions=["jinja2.ext.do"], autoescape=False).from_string(text).module
