"""``twin sources``: what can be landed."""

from __future__ import annotations

from orchestration.cli.output import AsJson, print_json, print_table


def sources(as_json: AsJson = False) -> None:
    """List the formats that can be landed, in the order in which a file is tried, with the raw tables they fill.

    Example: twin sources --json
    """
    from orchestration import rooms

    rows = [
        {
            "format": reader.name,
            "room": room,
            "description": reader.description,
            "tables": [table.name for table in reader.tables],
        }
        for room in rooms.READER_ROOMS
        for reader in rooms.readers_of(room)
    ]
    if as_json:
        print_json(rows)
    else:
        print_table(
            ("format", "room", "description", "raw tables"),
            [[*list(row.values())[:3], _few(list(row["tables"]))] for row in rows],
        )


def _few(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
