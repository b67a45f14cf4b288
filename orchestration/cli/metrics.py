"""``twin metrics``: the main figures of the published snapshot, each with its definition."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestration.cli.failures import BadData, WrongUsage
from orchestration.cli.output import AsJson, console, print_json, print_table, settings


def metrics(
    name: Annotated[str | None, typer.Argument(help="One metric; all without it.")] = None,
    by: Annotated[list[str] | None, typer.Option("--by", help="Split by a column; may be given several times.")] = None,
    as_json: AsJson = False,
) -> None:
    """Compute the main metrics on the published snapshot. Each has one definition, which is also in `meta.metric`.

    Example: twin metrics   or   twin metrics glycaemic_control_percent --by sex
    """
    from lake import metrics as defined

    home = settings()
    if by and name is None:
        raise WrongUsage("--by needs the name of a metric")
    try:
        answers = defined.everything(home) if name is None else [defined.compute(home, name, by or ())]
    except (KeyError, ValueError) as error:
        raise WrongUsage(str(error.args[0])) from None
    except FileNotFoundError as error:
        raise BadData(str(error)) from None
    if as_json:
        print_json(
            [
                {
                    **one.metric.model_dump(),
                    "sql": one.metric.sql(by or ()),
                    "rows": [dict(zip(one.columns, row, strict=True)) for row in one.rows],
                }
                for one in answers
            ]
        )
    elif name is None:
        print_table(
            ("metric", "value", "unit", "of so many", "what one is", "means"),
            [
                (one.metric.name, *one.rows[0][:1], one.metric.unit, one.rows[0][1], one.metric.grain, one.metric.label)
                for one in answers
            ],
        )
    else:
        metric = answers[0].metric
        print_table(answers[0].columns, answers[0].rows, title=f"{metric.label}, {metric.unit}")
        console().print(f"{metric.description} Can be split by: {', '.join(metric.by) or 'nothing'}.")
