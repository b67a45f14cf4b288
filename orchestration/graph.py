"""The whole asset graph, in the order in which data moves through it."""

from __future__ import annotations

from functools import cache

import dagster as dg

from lake.settings import Settings
from orchestration import staleness
from orchestration.assets import exports, genome, landing, models, publish, raw, simulation, warehouse


@cache
def stages() -> dict[str, list[dg.AssetsDefinition]]:
    """Assets by the stage that runs them, as in ``staleness``; ``raw`` is run once per delivery."""
    built = {
        "raw": raw.assets(),
        staleness.LANDING: landing.assets(),
        staleness.GENOME: genome.assets(),
        **warehouse.assets(Settings(), models.results()),
        **models.assets(),
        staleness.SIMULATION: simulation.assets(),
    }
    published = [key for assets in built.values() for one in assets for key in one.keys if _is_published(key)]
    return {**built, staleness.PUBLISH: publish.assets(published)}


@cache
def on_demand() -> list[dg.AssetsDefinition]:
    """Assets that no stage makes: they are materialized when somebody wants them."""
    return exports.assets()


def _is_published(key: dg.AssetKey) -> bool:
    return key.path[0].startswith("marts") or key.path[0] == "core"


def keys(stage: str) -> list[dg.AssetKey]:
    """The assets of one stage; none if the stage has no work."""
    return sorted(key for one in stages().get(stage, []) for key in one.keys)
