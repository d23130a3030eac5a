"""Delivery by HTTP POST: a body is accepted if the receiver answers with 2xx.

A body can be signed, as https://www.standardwebhooks.com describes it: the receiver computes the same HMAC-SHA256 of
id, moment and body, and so knows who sent it, and that nobody changed it or kept it back.
"""

import base64
import binascii
import hashlib
import hmac
import http.client
import os
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

from serving.receivers.answers import DeferredError, LostError, RefusedError, UnreachableError
from serving.receivers.deadline import deadline
from warehouse.errors import UserError
from warehouse.secrets import hide, read_secret, wrong_secret
from warehouse.settings import WebhookSettings

# Answers about this moment, and answers about the address or the token, which are no fault of what is handed over.
FOR_NOW = {408, 409, 425, 429}
ABOUT_THE_SETTINGS = {401, 403, 404, 405, 407}
# What a secret begins with whose rest is in base64.
ENCODED = "whsec_"


class NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirected POST becomes a GET without the body, so its 200 would not mean acceptance."""

    def redirect_request(self, *_arguments: Any) -> None:
        """No request takes the place of one that is redirected."""
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


class Webhook:
    """The receiver that a section of the settings names an environment variable of; each body has a connection of its
    own."""

    def __init__(self, section: str, webhook: WebhookSettings, environ: Mapping[str, str] = os.environ) -> None:
        """Raises UserError for a variable that is not set or cannot be used; `section` names it in messages."""
        self.url = read_secret(section, webhook.url_env, environ)
        if wrong := wrong_secret(self.url, is_address=True):
            raise UserError(f"{section}: {webhook.url_env} {wrong}.")
        token = read_secret(section, webhook.token_env, environ) if webhook.token_env else None
        self._key = _key(section, webhook, environ)
        self._secrets = [value for value in (self.url, token) if value]
        self._authorization = {"Authorization": f"Bearer {token}"} if token else {}
        self._timeout = webhook.timeout_seconds
        self._connection: http.client.HTTPConnection | None = None
        kinds = (_Handler(self._keep), _SecureHandler(self._keep))
        self._opener = urllib.request.build_opener(NoRedirects, *kinds)

    def post(self, body: bytes, delivery_id: str) -> None:
        """Hand JSON over, and return when the receiver has accepted it; by the id it knows what it already has.

        The whole exchange has one deadline. Raises RefusedError, DeferredError or UnreachableError where the receiver
        did not accept.
        """
        headers = {"Content-Type": "application/json", "Idempotency-Key": delivery_id, **self._authorization}
        headers |= signature(self._key, body, delivery_id, int(time.time())) if self._key else {}
        request = urllib.request.Request(self.url, data=body, headers=headers, method="POST")
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

    def _keep(self, connection: http.client.HTTPConnection) -> None:
        self._connection = connection

    def _socket(self) -> socket.socket | None:
        return self._connection.sock if self._connection else None


def signature(key: bytes, body: bytes, delivery_id: str, seconds: int) -> dict[str, str]:
    """The headers that sign a body, by the Standard Webhooks specification; `seconds` since 1970."""
    signed = hmac.digest(key, f"{delivery_id}.{seconds}.".encode() + body, hashlib.sha256)
    return {
        "webhook-id": delivery_id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": f"v1,{base64.b64encode(signed).decode()}",
    }


def _key(section: str, webhook: WebhookSettings, environ: Mapping[str, str]) -> bytes | None:
    if not webhook.secret_env:
        return None
    secret = read_secret(section, webhook.secret_env, environ)
    if not secret.startswith(ENCODED):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(ENCODED), validate=True)
    except binascii.Error:
        raise UserError(f"{section}: {webhook.secret_env} begins with {ENCODED}, and its rest is no base64.") from None


def _refusal(code: int) -> Exception:
    told = f"{code} {http.client.responses.get(code, '')}".strip()
    if code >= 500 or code in FOR_NOW:
        return DeferredError(told)
    if code < 400 or code in ABOUT_THE_SETTINGS:
        return UnreachableError(f"the webhook answers {told}")
    return RefusedError(told)
