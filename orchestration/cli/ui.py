"""``twin ui``: Dagster and MLflow on this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestration.cli.output import console, settings


def ui(
    port: Annotated[int, typer.Option("--port", help="Port of Dagster's UI.")] = 3000,
    mlflow_port: Annotated[int, typer.Option("--mlflow-port", help="Port of MLflow's UI.")] = 5000,
    mlflow: Annotated[bool, typer.Option("--mlflow/--no-mlflow", help="Start MLflow, too.")] = True,
) -> None:
    """Start Dagster (web server and daemon) and MLflow on loopback; ctrl-c stops them.

    Neither has a login: they listen on 127.0.0.1 only. A port that is taken is replaced by the next free one.

    Example: twin ui --port 3001
    """
    from orchestration.servers import serve

    serve(settings(), port, mlflow_port if mlflow else None, console().print)
