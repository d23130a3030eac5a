"""When the daily run starts: at the hour of the settings, in business time."""

import dagster as dg
from dagster._utils.schedules import is_valid_cron_schedule

from dagster_project.jobs import DAILY_JOB
from warehouse.errors import UserError
from warehouse.settings import Settings


def build_daily_schedule(settings: Settings) -> dg.ScheduleDefinition:
    """The daily run; on from the start, since a warehouse without it grows stale unnoticed. Raises UserError."""
    if not is_valid_cron_schedule(settings.schedule.cron):
        raise UserError(
            f'{settings.path}: "schedule.cron": {settings.schedule.cron!r} is no cron expression'
            ' (minute, hour, day, month, weekday: "0 5 * * *").'
        )
    return dg.ScheduleDefinition(
        name="every_morning",
        job_name=DAILY_JOB,
        cron_schedule=settings.schedule.cron,
        execution_timezone=settings.business_timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="The whole graph, every morning in business time.",
    )
