"""What simulations leave in MLflow: one run per qualification, calibration or trial; nothing in it says whose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lake.settings import Settings


def logged(
    settings: Settings, name: str, kind: str, params: Mapping[str, Any], metrics: Mapping[str, float],
    pictures: Sequence[Path] = (), **tags: str,
) -> str:  # fmt: skip
    """Log a run of the experiment of simulations, with its pictures.

    Args:
        kind: ``qualification``, ``calibration`` or ``trial``.

    Returns:
        The run's id.
    """
    from ml import tracking
    from simulation.experiment import EXPERIMENT

    client = tracking.connect(settings)
    about = {"twin.kind": kind, "use": "research use, not for care", **tags}
    with tracking.run(client, tracking.experiment(client, settings, EXPERIMENT), name, about) as run:
        tracking.log_values(client, run, dict(params), dict(metrics))
        for path in pictures:
            client.log_artifact(run, str(path))
    return run
