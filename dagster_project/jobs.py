"""What is run together: the whole graph. Parts of it are chosen by asset selection, not by jobs of their own."""

import json
import os
import urllib.request
from typing import Any

import dagster as dg

from warehouse.settings import Settings

DAILY_JOB = "daily"
WEBHOOK_TIMEOUT_SECONDS = 10


def build_daily_job(settings: Settings) -> Any:
    """Everything from the sources to the publication, in one process: what `dg.define_asset_job` returns."""
    return dg.define_asset_job(
        DAILY_JOB,
        selection=dg.AssetSelection.all(),
        executor_def=dg.in_process_executor,
        hooks={build_failure_hook(settings)},
        description="Load what is new, build and check every mart, train and score the models, publish.",
    )


def build_failure_hook(settings: Settings) -> dg.HookDefinition:
    """On a failed step: a record in the build, a line in the log, and a message to the webhook, if any."""

    @dg.failure_hook(name="report_failure", required_resource_keys={"warehouse"})
    def report_failure(context: dg.HookContext) -> None:
        cause = getattr(context.op_exception, "description", None) or context.op_exception
        context.resources.warehouse.fail_build(f"{context.step_key}: {cause}")
        message = f"{settings.company}: step {context.step_key} of run {context.run_id} failed: {cause}"
        context.log.error(message)
        post_failure(settings, {"text": message, "run_id": context.run_id, "step": context.step_key})

    return report_failure


def post_failure(settings: Settings, payload: dict[str, str]) -> None:
    """Send `payload` to the webhook for failures, if the company has one. Raises what `post_json` raises."""
    variable = settings.schedule.failure_webhook_env
    url = os.environ.get(variable) if variable else None
    if url:
        post_json(url, payload)


def post_json(url: str, payload: dict[str, str]) -> None:
    """Send `payload` to `url`. Raises OSError when nobody accepts it, and ValueError when the address is not http."""
    if not url.startswith(("http://", "https://")):
        raise ValueError("A webhook's address starts with http:// or https://.")
    body = json.dumps(payload).encode()
    request = urllib.request.Request(url, data=body, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=WEBHOOK_TIMEOUT_SECONDS):  # nosec B310
        return
