"""The environment that every tool of the stack is started in: one home, no telemetry, no pickles."""

from __future__ import annotations

import os
from pathlib import Path

INSTANCE_YAML = Path(__file__).with_name("instance") / "dagster.yaml"
"""Settings of the Dagster instance; copied into the home, so that its runs and logs lie with the data they describe."""

_SWITCHES = {
    "DAGSTER_DISABLE_TELEMETRY": "1",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "DO_NOT_TRACK": "1",
    "GX_ANALYTICS_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    # Models are text and JSON; a pickle in the store is never executed.
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    # Workers for jobs of MLflow's GenAI pages: seven processes of 240 MB that nothing here asks anything.
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
}


def prepare() -> Path:
    """Set what tools read at import, where it is not set yet; returns the absolute home.

    ``TWIN_HOME`` is made absolute, because subprocesses (code server, MLflow) may run in another folder.
    """
    for name, value in _SWITCHES.items():
        os.environ.setdefault(name, value)
    home = Path(os.environ.get("TWIN_HOME", "twin_home")).expanduser().resolve()
    os.environ["TWIN_HOME"] = str(home)
    return home


def dagster_home(home: Path) -> Path:
    """Make the home's Dagster folder, with the committed settings in it, the instance of this process.

    Returns:
        ``$TWIN_HOME/dagster``.
    """
    folder = home / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    settings = folder / "dagster.yaml"
    wanted = INSTANCE_YAML.read_bytes()
    if not settings.exists() or settings.read_bytes() != wanted:
        settings.write_bytes(wanted)
    os.environ["DAGSTER_HOME"] = str(folder)
    return folder
