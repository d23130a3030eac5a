"""When runs start by themselves, in business time: the daily one, and what goes out to customers and to the shop."""

import dagster as dg

from dagster_project.assets.activate import AUDIENCES_KEY, DELIVERY_KEY, DIGEST_KEY
from dagster_project.jobs import DAILY_JOB
from dagster_project.unchanged import nothing_new, unchanged_since
from serving.audiences import has_daily
from warehouse.settings import Settings


def build_schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    """The daily run and, where the company has a channel for them, deliveries and the digest."""
    schedules = [build_daily_schedule(settings)]
    if settings.messages.channel or has_daily(settings):
        schedules.append(build_delivery_schedule(settings))
    if settings.digest.channel:
        schedules.append(build_digest_schedule(settings))
    return schedules


def build_daily_schedule(settings: Settings) -> dg.ScheduleDefinition:
    """The daily run; on from the start, since a warehouse without it grows stale unnoticed."""

    @dg.schedule(
        name="every_morning",
        job_name=DAILY_JOB,
        cron_schedule=settings.schedule.cron,
        execution_timezone=settings.business_timezone,
        default_status=_status(settings),
        description="The whole graph, every morning in business time, where anything is new.",
    )
    def every_morning() -> dg.RunRequest | dg.SkipReason:
        live = unchanged_since(settings)
        return dg.SkipReason(nothing_new(settings, live)) if live else dg.RunRequest()

    return every_morning


def build_delivery_schedule(settings: Settings) -> dg.ScheduleDefinition:
    """The delivery alone: the daily run may lie in quiet hours, and its messages wait for their end."""

    @dg.schedule(
        name="message_delivery",
        job_name=DAILY_JOB,
        cron_schedule=settings.messages.delivery_cron,
        execution_timezone=settings.business_timezone,
        default_status=_status(settings),
        description="Delivers what is in the outbox, after quiet hours, and daily audiences that were not accepted.",
    )
    def message_delivery() -> dg.RunRequest:
        return dg.RunRequest(asset_selection=[DELIVERY_KEY, AUDIENCES_KEY])

    return message_delivery


def build_digest_schedule(settings: Settings) -> dg.ScheduleDefinition:
    """The digest alone, on Mondays: what the daily run could not send, people get at the start of their week."""

    @dg.schedule(
        name="weekly_digest",
        job_name=DAILY_JOB,
        cron_schedule=settings.digest.cron,
        execution_timezone=settings.business_timezone,
        default_status=_status(settings),
        description="Sends the digest of the last whole week where it was not sent yet.",
    )
    def weekly_digest() -> dg.RunRequest:
        return dg.RunRequest(asset_selection=[DIGEST_KEY])

    return weekly_digest


def _status(settings: Settings) -> dg.DefaultScheduleStatus:
    return dg.DefaultScheduleStatus.RUNNING if settings.automation else dg.DefaultScheduleStatus.STOPPED
