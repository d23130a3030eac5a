"""Delivery by HTTP POST: a message is accepted if the receiver answers with 2xx."""

import json
import os
from collections.abc import Mapping

from serving.outbox.channels import Envelope, record_of
from serving.receivers import Webhook
from warehouse.settings import WebhookSettings


class WebhookChannel:
    """The receiver that the settings name an environment variable of."""

    def __init__(self, webhook: WebhookSettings, environ: Mapping[str, str] = os.environ) -> None:
        self._webhook = Webhook("messages.webhook", webhook, environ)

    def send(self, envelope: Envelope) -> None:
        """See Channel.send."""
        self._webhook.post(json.dumps(record_of(envelope), ensure_ascii=False).encode(), envelope.message_id)

    def close(self) -> None:
        """See Channel.close. Each message has a connection of its own."""
