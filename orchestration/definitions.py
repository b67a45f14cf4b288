"""The code location ``human_twin``: what exists."""

import dagster as dg

from orchestration import graph
from orchestration.jobs import JOBS
from orchestration.resources import Home
from orchestration.schedules import SCHEDULES
from orchestration.sensors import SENSORS

defs = dg.Definitions(
    assets=[*(one for assets in graph.stages().values() for one in assets), *graph.on_demand()],
    jobs=JOBS,
    sensors=SENSORS,
    schedules=SCHEDULES,
    resources={"home": Home()},
    # One process per run: a run spends its seconds in imports. Work is parallel between runs and inside DuckDB.
    executor=dg.in_process_executor,
)
