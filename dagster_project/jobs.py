"""The daily job, which runs the whole graph. Parts of the graph are chosen by asset selection, not by further jobs."""

import http.client
import json
import os
import urllib.error
import urllib.request
from typing import Any

import dagster as dg

from warehouse.errors import UserError
from warehouse.secrets import hide, wrong_secret
from warehouse.settings import Settings

DAILY_JOB = "daily"
WEBHOOK_TIMEOUT_SECONDS = 10


def build_daily_job(settings: Settings) -> Any:
    """The job from the sources to the publication, in one process, as `dg.define_asset_job` returns it."""
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
    """Send `payload` to the webhook for failures, if the company has one.

    Raises UserError if the payload is not accepted. The error names the variable and never the address, which is a
    secret and would be kept in Dagster's store.
    """
    variable = settings.schedule.failure_webhook_env
    url = os.environ.get(variable, "").strip() if variable else ""
    if url:
        problem = wrong_secret(url, is_address=True) or _refusal(url, payload)
        if problem:
            raise UserError(f"schedule.failure_webhook_env: the webhook of {variable} {problem}.")


def _refusal(url: str, payload: dict[str, str]) -> str | None:
    """Why the webhook did not take the payload, without its address; None where it did."""
    body = json.dumps(payload).encode()
    try:
        request = urllib.request.Request(url, data=body, headers={"Content-Type": "application/json"})
        # the address was looked at before: it is http or https
        with urllib.request.urlopen(request, timeout=WEBHOOK_TIMEOUT_SECONDS):  # nosec B310
            return None
    except urllib.error.HTTPError as error:
        return f"answers {error.code}"
    except (OSError, ValueError, http.client.HTTPException) as error:
        return f"does not answer: {hide(str(getattr(error, 'reason', error)), [url])}"
