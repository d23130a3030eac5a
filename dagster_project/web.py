"""Dagster's web server, with a guard before it: the server answers only to its own address, and in no frame.

Anybody who reaches the server can start runs. It listens on this machine only, but any page in a browser here can send
it requests, and a page whose name resolves to 127.0.0.1 can even read the answers. So a request has to be addressed to
one of the server's own names, and come from one of its own pages or from no page at all.

    python -m dagster_project.web HOST,HOST <options of dagster-webserver>
"""

import sys
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Scope = MutableMapping[str, Any]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

HEADERS = [
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", b"frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
]
# What Dagster's command line calls to make its application; tests/dagster_project/test_web.py holds it to that.
MAKE_APP = "create_app_from_workspace_process_context"
OWN_SITES = (b"same-origin", b"none")
POLICY_VIOLATION = 1008


class Guard:
    """An ASGI application before another one. `hosts`: the values allowed in a request's Host, such as
    localhost:3000."""

    def __init__(self, app: App, hosts: Sequence[str]) -> None:
        self.app = app
        self.hosts = {host.lower().encode() for host in hosts}
        self.origins = {scheme + host for host in self.hosts for scheme in (b"http://", b"https://")}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, with its answer's headers, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
        elif self.is_own(scope):
            await self.app(scope, receive, _with_headers(send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})
        else:
            await self._refuse(send)

    def is_own(self, scope: Scope) -> bool:
        """Whether a request is addressed to this server and comes from its own pages, or from no page."""
        headers: dict[bytes, list[bytes]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.lower(), []).append(value.lower())
        hosts, origins, sites = (headers.get(name, []) for name in (b"host", b"origin", b"sec-fetch-site"))
        if len(hosts) != 1 or hosts[0] not in self.hosts or not self.origins.issuperset(origins):
            return False
        if scope["type"] == "http" and (_asks_by_address(scope) or not self._is_sent_from_here(scope, headers)):
            return False
        return all(site in OWN_SITES for site in sites) or _is_a_link(scope, headers)

    def _is_sent_from_here(self, scope: Scope, headers: Mapping[bytes, Sequence[bytes]]) -> bool:
        """Whether a request that changes something comes from a page of ours, by its Referer if the browser sends no
        Origin."""
        pages = () if scope["method"] in ("GET", "HEAD") else headers.get(b"referer", ())
        return all(page.startswith(tuple(origin + b"/" for origin in self.origins)) for page in pages)

    async def _refuse(self, send: Send) -> None:
        own = " or ".join(sorted(host.decode() for host in self.hosts))
        body = f"This server answers to its own pages alone, at {own}.\n".encode()
        headers = [(b"content-type", b"text/plain; charset=utf-8"), *HEADERS]
        await send({"type": "http.response.start", "status": 403, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _asks_by_address(scope: Scope) -> bool:
    """A query in the address needs no page: a picture's would do. Dagster's own pages send theirs otherwise."""
    return scope["path"].rstrip("/").endswith("/graphql") and scope["method"] != "POST" and bool(scope["query_string"])


def _is_a_link(scope: Scope, headers: Mapping[bytes, Sequence[bytes]]) -> bool:
    """Whether somebody followed a link of another page to one of this server's."""
    wanted = (headers.get(b"sec-fetch-mode"), headers.get(b"sec-fetch-dest"))
    return scope["type"] == "http" and scope["method"] == "GET" and wanted == ([b"navigate"], [b"document"])


def _with_headers(send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", []), *HEADERS]
        await send(message)

    return send_with_headers


def main() -> None:
    """Serve. The application that Dagster's own command line makes is put behind the guard."""
    from dagster_webserver import cli

    hosts, *arguments = sys.argv[1:]
    make = getattr(cli, MAKE_APP)

    def guarded(*args: Any, **options: Any) -> Guard:
        return Guard(make(*args, **options), hosts.split(","))

    setattr(cli, MAKE_APP, guarded)
    sys.argv[1:] = arguments
    cli.main()


if __name__ == "__main__":
    main()
