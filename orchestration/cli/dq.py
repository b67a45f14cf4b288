"""``twin dq``: what the last build found out about the quality of the data."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from orchestration.cli.failures import BadData, WrongUsage
from orchestration.cli.output import AsJson, console, print_json, print_table, settings


def dq(
    rule: Annotated[str | None, typer.Option("--rule", help="One rule over time, source by source.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Also the rules that hold.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show which rules of data quality are broken, by source, and how that changed since the run before.

    Rules are of three kinds after Kahn 2016: conformance, completeness, plausibility. Exit status 1 if one of severity
    error is broken. The same rows are in marts_monitoring.dq_result.

    Example: twin dq   or   twin dq --rule value_plausible
    """
    from lake import dq as quality

    home = settings()
    try:
        if rule is not None:
            rows = quality.trend(home, rule)
            header = ("run_at", "source", "failed", "of", "percent")
            if as_json:
                print_json([dict(zip(header, row, strict=True)) for row in rows])
            else:
                print_table(header, rows)
            return
        found = quality.results(home)
    except (FileNotFoundError, LookupError) as error:
        if isinstance(error, KeyError):
            raise WrongUsage(str(error.args[0])) from None
        raise BadData(str(error)) from None
    broken = [one for one in found if not one.is_passed]
    if as_json:
        print_json({"broken": len(broken), "rules": [asdict(one) for one in found]})
    else:
        print_table(
            ("", "rule", "source", "kind", "severity", "failed", "of", "percent", "may be", "change", "what must hold"),
            [
                (
                    "ok" if one.is_passed else "BROKEN",
                    one.rule,
                    one.source_system,
                    one.kahn_category,
                    one.severity,
                    one.failed,
                    one.total,
                    one.failed_percent,
                    one.most_percent,
                    one.change,
                    one.must_hold,
                )
                for one in (found if every else broken)
            ],
        )
        console().print(f"{len(broken)} of {len(found)} rules by source are broken")
    if any(one.severity == "error" for one in broken):
        names = ", ".join(sorted({one.rule for one in broken if one.severity == "error"}))
        raise BadData(f"rules of severity error are broken: {names}")
