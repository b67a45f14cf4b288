"""Codes on their own: check digits and forms, the stored form of a code, without any terminology server."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ehr.terminology.sql import with_seeds
from lake.sql_macros import macros

PROBLEMS = {
    "form": "not of the form that codes of this system have",
    "check_digit": "the check digit is wrong: mistyped or invented",
    "ambiguous": "ten digits without hyphens: which part is short is not said",
}


@dataclass(frozen=True)
class Code:
    """What a code says about itself.

    Attributes:
        code_system: short name of the system (``loinc``, ``snomed``, ``icd10cm``, ``icd9cm``, ``rxnorm``, ``ndc`` …).
        code: as given.
        key: as it is stored and compared: ICD without dot, NDC in eleven digits.
        problem: a key of ``PROBLEMS``; ``None`` when nothing speaks against it. Whether it is in use is not known here.
        concept: what it means on this platform, if anything.
        canonical_unit: UCUM unit of the concept's values.
    """

    code_system: str
    code: str
    key: str
    problem: str | None
    concept: str | None
    canonical_unit: str | None


class UnknownSystem(ValueError):
    """No code system has this name."""


def check(code_system: str, codes: Iterable[str]) -> list[Code]:
    """Judge codes of one system, named by its short name, URI or OID; one result per code, in order.

    Raises:
        UnknownSystem: the system is not in the seed ``code_system``.
    """
    text = macros("terminology")
    with with_seeds("code_system", "concept_code", "concept") as connection:
        found = connection.execute(
            "select code_system from code_system where alias = lower(trim($1)) or code_system = lower(trim($1))",
            [code_system],
        ).fetchone()
        if found is None:
            raise UnknownSystem(f"no code system {code_system!r} is on record (transform/seeds/code_system.csv)")
        connection.execute(
            "create temp table given as select $1::varchar as code_system, unnest($2::varchar[]) as code,"
            " generate_subscripts($2::varchar[], 1) as ordinal",
            [found[0], list(codes)],
        )
        rows = connection.execute(
            f"""
            with keyed as (
                select *, {text.code_key("code_system", "code")} as code_key,
                    {text.code_problem("code_system", "trim(code)")} as problem
                from given
            )
            select keyed.code_system, keyed.code, code_key, problem, concept, canonical_unit
            from keyed
            left join concept_code as meant on meant.code_system = keyed.code_system and (
                (meant.match = 'exact' and meant.code = code_key)
                or (meant.match = 'prefix' and starts_with(code_key, meant.code)))
            left join concept using (concept)
            qualify row_number() over (partition by ordinal order by length(meant.code) desc nulls last) = 1
            order by ordinal
            """
        ).fetchall()
    return [Code(*row) for row in rows]
