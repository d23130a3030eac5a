"""Superset's REST API: a login, and the one call that imports a bundle."""

import http.client
import http.cookiejar
import json
import ssl
import urllib.error
import urllib.request
import uuid
from collections.abc import Mapping
from typing import NamedTuple

from serving.receivers.webhook import NoRedirects
from serving.superset.bundle import bundle
from warehouse.errors import UserError, on_one_line
from warehouse.secrets import hide, hide_connection

IMPORT_SECONDS = 600
MOST_TOLD = 600


class Login(NamedTuple):
    """Where Superset answers (`http://host:port`, without a path), and who imports: somebody of role Admin."""

    url: str
    user: str
    password: str


def import_assets(login: Login, files: Mapping[str, str], address: str) -> None:
    """Hand over the files, whose database is at `address`; what Superset has under the same identifiers is replaced.

    Raises UserError where Superset does not answer, does not know the user, or refuses a file.
    """
    _Session(login, address).import_bundle(bundle(files))


class _Session:
    """A logged-in user: the token of each request, and the cookie and token that Superset asks for before it changes
    anything."""

    def __init__(self, login: Login, address: str) -> None:
        self._login, self._address = login, address
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        secure = urllib.request.HTTPSHandler(context=ssl.create_default_context())
        self._opener = urllib.request.build_opener(NoRedirects, cookies, secure)
        self._headers: dict[str, str] = {"Referer": login.url}
        known = {"username": login.user, "password": login.password, "provider": "db", "refresh": False}
        token = self._ask("security/login", "access_token", json.dumps(known).encode())
        self._headers["Authorization"] = f"Bearer {token}"
        self._headers["X-CSRFToken"] = self._ask("security/csrf_token/", "result")

    def import_bundle(self, packed: bytes) -> None:
        boundary = uuid.uuid4().hex
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="bundle"; filename="loyalty.zip"\r\n'
            "Content-Type: application/zip\r\n\r\n"
        )
        body = head.encode() + packed + f"\r\n--{boundary}--\r\n".encode()
        self._ask("assets/import/", "message", body, f"multipart/form-data; boundary={boundary}")

    def _ask(self, path: str, answer: str, body: bytes | None = None, kind: str = "application/json") -> str:
        """What Superset says under `answer`."""
        url = f"{self._login.url.rstrip('/')}/api/v1/{path}"
        request = urllib.request.Request(url, data=body, headers={**self._headers, "Content-Type": kind})
        try:
            # the scheme is http or https: the command line checks it
            with self._opener.open(request, timeout=IMPORT_SECONDS) as response:
                return str(json.loads(response.read())[answer])
        except urllib.error.HTTPError as refused:
            said = refused.read().decode("utf-8", "replace")
            raise UserError(
                self._hidden(f"{url} answers {refused.code}: {said[:MOST_TOLD].strip()} (Superset's log says more)")
            ) from None
        except (OSError, http.client.HTTPException, ValueError, TypeError, KeyError) as error:
            raise UserError(self._hidden(f"{url}: {error}. Is Superset running there?")) from None

    def _hidden(self, message: str) -> str:
        """The message without the password, and without what is secret in an address with a login."""
        told = hide_connection(message, self._address) if "@" in self._address else message
        return on_one_line(hide(told, [self._login.password]))
