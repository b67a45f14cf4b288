"""The only room that knows Dagster: assets, checks, sensors, schedules, and the ``twin`` command line.

``orchestration.definitions`` is the code location, ``orchestration.build.build`` runs the same graph in this process,
``orchestration.cli.main`` is the command. Importing the package sets the environment of the stack (telemetry off,
absolute ``TWIN_HOME``) before any tool is imported, and nothing else.
"""

from orchestration.environment import prepare

prepare()
