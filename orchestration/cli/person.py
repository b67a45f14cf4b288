"""``twin state`` and ``twin timeline``: one person in the published snapshot."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from orchestration.cli.failures import BadData, WrongUsage
from orchestration.cli.output import AsJson, console, print_json, print_table, settings

Person = Annotated[str, typer.Argument(help='A person_id (twin query "select person_id from core.twin_person").')]
ValidAt = Annotated[
    datetime | None, typer.Option("--valid-at", help="The moment that is asked about, UTC; default now.")
]
KnownAt = Annotated[
    datetime | None, typer.Option("--known-at", help="Only what was known by then, UTC; default all that is known now.")
]


def state(person: Person, valid_at: ValidAt = None, known_at: KnownAt = None, as_json: AsJson = False) -> None:
    """Show the state of a person at a moment, as it was known at a moment: labs, derived values, diagnoses.

    Example: twin state P0123456789abcdef --valid-at 2023-06-01 --known-at 2023-06-01
    """
    now = datetime.now(UTC).replace(tzinfo=None)
    found = _ask(
        person,
        "select * from core.twin_state_at($person, $valid_at, $known_at)",
        {"valid_at": valid_at or now, "known_at": known_at or now},
    )
    if as_json:
        print_json(found)
        return
    print_table(
        ("system", "variable", "value", "unit", "basis", "true since", "known since"),
        [
            [
                one["organ_system"],
                one["variable"],
                one["value_text"] if one["value_num"] is None else f"{one['value_num']:.6g}",
                one["unit"],
                one["basis"],
                f"{one['valid_from']:%Y-%m-%d}",
                f"{one['known_from']:%Y-%m-%d}",
            ]
            for one in found
        ],
    )
    console().print(f"{len(found)} variables. Research use, not for care.")


def timeline(
    person: Person,
    domain: Annotated[str | None, typer.Option("--domain", help="Only this domain: measurement, condition …")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Newest events to print; JSON has all.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Show what happened to a person, in order, as it is known now.

    Example: twin timeline P0123456789abcdef --domain condition
    """
    found = _ask(
        person,
        "select * from core.twin_timeline($person) where $domain is null or domain = $domain",
        {"domain": domain},
    )
    if as_json:
        print_json(found)
        return
    print_table(
        ("when", "domain", "what", "value", "unit", "known", "source"),
        [
            [
                f"{one['event_at']:%Y-%m-%d %H:%M}" if one["event_at"] else "",
                one["domain"],
                one["concept"] or one["what"],
                one["value_text"] if one["value_num"] is None else f"{one['value_num']:.6g}",
                one["unit"],
                f"{one['known_at']:%Y-%m-%d}" if one["known_at"] else "",
                one["source_system"],
            ]
            for one in found[-limit:]
        ],
    )
    hidden = len(found) - limit
    console().print(
        f"{len(found)} events"
        + (f", the newest {limit}; --limit shows more" if hidden > 0 else "")
        + ". Research use, not for care."
    )


def _ask(person: str, sql: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows of the answer to a question about a person who is in the snapshot."""
    import duckdb

    from lake.warehouse import reading

    try:
        with reading(settings()) as connection:
            known = connection.execute("select 1 from core.twin_person where person_id = ?", [person]).fetchall()
            if not known:
                raise WrongUsage(f"there is no person {person!r} in the snapshot")
            outcome = connection.execute(sql, {"person": person, **parameters})
            names = [column[0] for column in outcome.description or []]
            return [dict(zip(names, row, strict=True)) for row in outcome.fetchall()]
    except FileNotFoundError as error:
        raise BadData(str(error)) from None
    except duckdb.CatalogException:
        raise BadData("the snapshot is of an older version of the platform: twin build publishes a new one") from None
