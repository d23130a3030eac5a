"""Delivery by HTTP POST: a message is accepted if the receiver answers with 2xx."""

import http.client
import json
import os
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

from serving.outbox.channels import DeferredError, Envelope, LostError, RefusedError, UnreachableError, record_of
from serving.outbox.deadline import deadline
from warehouse.errors import UserError
from warehouse.secrets import hide, read_secret, wrong_secret
from warehouse.settings import WebhookSettings

# Answers about this moment, and answers about the address or the token, which are no message's fault.
FOR_NOW = {408, 409, 425, 429}
ABOUT_THE_SETTINGS = {401, 403, 404, 405, 407}


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirected POST becomes a GET without the message, so its 200 would not mean acceptance."""

    def redirect_request(self, *_arguments: Any) -> None:
        return None


Keep = Callable[[http.client.HTTPConnection], None]


class _Handler(urllib.request.HTTPHandler):
    """urllib's own, which tells of the connection it makes."""

    def __init__(self, keep: Keep) -> None:
        super().__init__()
        self._kept = keep

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_made(http.client.HTTPConnection, self._kept), req)


class _SecureHandler(urllib.request.HTTPSHandler):
    """The same for https."""

    def __init__(self, keep: Keep) -> None:
        super().__init__(context=ssl.create_default_context())
        self._kept = keep

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_made(http.client.HTTPSConnection, self._kept), req, context=ssl.create_default_context())


def _made(kind: type[http.client.HTTPConnection], keep: Keep) -> Any:
    def make(*arguments: Any, **options: Any) -> http.client.HTTPConnection:
        connection = kind(*arguments, **options)
        keep(connection)
        return connection

    return make


class WebhookChannel:
    """The receiver that the settings name an environment variable of."""

    def __init__(self, webhook: WebhookSettings, environ: Mapping[str, str] = os.environ) -> None:
        self._url = read_secret("messages.webhook", webhook.url_env, environ)
        if wrong := wrong_secret(self._url, is_address=True):
            raise UserError(f"messages.webhook: {webhook.url_env} {wrong}.")
        token = read_secret("messages.webhook", webhook.token_env, environ) if webhook.token_env else None
        self._secrets = [value for value in (self._url, token) if value]
        self._authorization = {"Authorization": f"Bearer {token}"} if token else {}
        self._timeout = webhook.timeout_seconds
        self._connection: http.client.HTTPConnection | None = None
        kinds = (_Handler(self._keep), _SecureHandler(self._keep))
        self._opener = urllib.request.build_opener(_NoRedirects, *kinds)

    def send(self, envelope: Envelope) -> None:
        """See Channel.send."""
        headers = {"Content-Type": "application/json", "Idempotency-Key": envelope.message_id, **self._authorization}
        body = json.dumps(record_of(envelope), ensure_ascii=False).encode()
        request = urllib.request.Request(self._url, data=body, headers=headers, method="POST")
        try:
            with deadline(self._timeout, self._socket), self._opener.open(request, timeout=self._timeout):
                return
        except urllib.error.HTTPError as error:
            error.close()
            raise _refusal(error.code) from error
        except urllib.error.URLError as error:
            raise UnreachableError(f"the webhook does not answer: {hide(str(error.reason), self._secrets)}") from None
        except TimeoutError:
            raise LostError("the webhook did not answer in time") from None
        except (OSError, http.client.HTTPException):
            raise LostError("the webhook broke off") from None

    def close(self) -> None:
        """See Channel.close. Each message has a connection of its own."""

    def _keep(self, connection: http.client.HTTPConnection) -> None:
        self._connection = connection

    def _socket(self) -> socket.socket | None:
        return self._connection.sock if self._connection else None


def _refusal(code: int) -> Exception:
    told = f"{code} {http.client.responses.get(code, '')}".strip()
    if code >= 500 or code in FOR_NOW:
        return DeferredError(told)
    if code < 400 or code in ABOUT_THE_SETTINGS:
        return UnreachableError(f"the webhook answers {told}")
    return RefusedError(told)
