"""What goes out to people: messages, created before the marts that list them are built, and audiences.

Candidates come from dbt, are created in `ops.messages`, and dbt goes on to the marts; the outbox is delivered after the
gate and the publication, and again whenever the delivery schedule says so. Then audiences that say `deliver: daily` are
posted as well, and the people who run the shop get the week's digest and alerts.
"""

import dagster as dg

from dagster_project.publication import PUBLICATION_KEY
from dagster_project.resources import WarehouseRun
from serving.audiences import deliver_daily, has_daily
from serving.digest import send_due
from serving.outbox import check_outbox, deliver, enqueue_messages
from warehouse.register import Register

OWNER = "loyalty@example.com"
CANDIDATES_KEY = dg.AssetKey(["intermediate", "int_message_candidates"])
MESSAGES_KEY = dg.AssetKey(["ops", "messages"])
DELIVERY_KEY = dg.AssetKey(["outbox", "delivery"])
AUDIENCES_KEY = dg.AssetKey(["outbox", "audiences"])
DIGEST_KEY = dg.AssetKey(["outbox", "digest"])
# Under this name the metadata of audiences and the digest says what was not delivered.
NOT_DELIVERED = "not delivered"


def build_message_assets() -> list[dg.AssetsDefinition]:
    """The messages, between the candidates and the marts, and their delivery, behind the publication."""

    @dg.asset(
        key=MESSAGES_KEY,
        deps=[CANDIDATES_KEY],
        group_name="operations",
        kinds={"duckdb"},
        owners=[OWNER],
        required_resource_keys={"warehouse"},
        description="Messages to customers, each created once. Removed only when their build did not pass every check.",
    )
    def messages(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        run: WarehouseRun = context.resources.warehouse
        build_id = run.open_build()
        with run.connect() as connection:
            created = enqueue_messages(connection, build_id, Register(run.settings).sent())
            check_outbox(run.settings, connection, build_id)
        return dg.MaterializeResult(metadata={"created": created})

    @dg.asset(
        key=DELIVERY_KEY,
        deps=[PUBLICATION_KEY, MESSAGES_KEY],
        group_name="published",
        kinds={"email"},
        owners=[OWNER],
        required_resource_keys={"warehouse"},
        description="What is in the outbox, handed over to whoever sends it, outside quiet hours.",
    )
    def delivery(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        run: WarehouseRun = context.resources.warehouse
        if run.settings.messages.channel is None:
            return dg.MaterializeResult(metadata={"channel": "none"})
        limit = run.watchdog.limit("the delivery", "limits.delivery_minutes", run.settings.limits.delivery_minutes)
        with limit, run.stage("deliver messages"), run.away() as opened:
            delivered = deliver(run.settings, opened)
        return dg.MaterializeResult(
            metadata={**delivered.counts, "left": delivered.left, "stopped": delivered.stopped or "no"}
        )

    return [messages, delivery]


def build_audience_assets() -> list[dg.AssetsDefinition]:
    """The daily audiences, posted behind the publication."""

    @dg.asset(
        key=AUDIENCES_KEY,
        deps=[PUBLICATION_KEY],
        group_name="published",
        kinds={"http"},
        owners=[OWNER],
        required_resource_keys={"warehouse"},
        description="The audiences that say `deliver: daily`, posted to the webhook once a publication.",
    )
    def audiences(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        run: WarehouseRun = context.resources.warehouse
        if not has_daily(run.settings):
            return dg.MaterializeResult(metadata={"delivered": 0})
        limit = run.watchdog.limit("the delivery", "limits.delivery_minutes", run.settings.limits.delivery_minutes)
        with limit, run.stage("deliver audiences"), run.away() as opened:
            delivered = deliver_daily(run.settings, opened)
        # the figures are published and right, so a receiver that is away fails no run
        refused = [one.told for one in delivered if one.problem is not None]
        for sentence in refused:
            run.progress(sentence, "waiting", None)
        told = {NOT_DELIVERED: "\n".join(refused)} if refused else {}
        return dg.MaterializeResult(metadata={"delivered": len(delivered) - len(refused), **told})

    return [audiences]


def build_digest_assets() -> list[dg.AssetsDefinition]:
    """The digest and alerts, sent behind the publication."""

    @dg.asset(
        key=DIGEST_KEY,
        deps=[PUBLICATION_KEY],
        group_name="published",
        kinds={"email"},
        owners=[OWNER],
        required_resource_keys={"warehouse"},
        description="The digest of the last whole week and alerts of days that stand out, each sent once.",
    )
    def digest(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        run: WarehouseRun = context.resources.warehouse
        if run.settings.digest.channel is None:
            return dg.MaterializeResult(metadata={"channel": "none"})
        limit = run.watchdog.limit("the delivery", "limits.delivery_minutes", run.settings.limits.delivery_minutes)
        with limit, run.stage("send digest"), run.away():
            sent = send_due(run.settings)
        # as of audiences: the figures are published and right
        refused = [one.told for one in sent if one.problems]
        for sentence in refused:
            run.progress(sentence, "waiting", None)
        told = {NOT_DELIVERED: "\n".join(refused)} if refused else {}
        return dg.MaterializeResult(metadata={"sent": len(sent) - len(refused), **told})

    return [digest]
