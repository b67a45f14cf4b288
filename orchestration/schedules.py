"""Schedules: a daily refresh, so that time-dependent results are never older than a day."""

import dagster as dg

from orchestration import jobs

daily = dg.ScheduleDefinition(
    name="daily",
    job=jobs.refresh,
    cron_schedule="0 3 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Refresh everything every night, whether or not something landed.",
)

SCHEDULES = [daily]
