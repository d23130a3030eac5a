"""The guard before Dagster's web server: own pages pass, everybody else's do not, and nothing stands in a frame."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from dagster_project.web import MAKE_APP, Guard

HOSTS = ["127.0.0.1:3000", "localhost:3000", "loyalty.example"]
OWN = {"host": "127.0.0.1:3000"}


def answer(method: str = "GET", path: str = "/", query: str = "", kind: str = "http", **headers: str) -> dict[str, Any]:
    """What a browser would get: the status and the headers, or how a web socket was closed."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if kind == "websocket":
            await send({"type": "websocket.accept"})
        else:
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
            await send({"type": "http.response.body", "body": b"secret"})

    sent: list[MutableMapping[str, Any]] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    async def receive() -> MutableMapping[str, Any]:
        return {}

    listed = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": kind, "method": method, "path": path, "query_string": query.encode(), "headers": listed}
    asyncio.run(Guard(app, HOSTS)(scope, receive, send))
    return dict(sent[0])


@pytest.mark.parametrize(
    ("request_", "passes"),
    [
        ({}, False),
        (OWN, True),
        ({"host": "LOCALHOST:3000"}, True),
        ({"host": "127.0.0.1"}, False),
        ({"host": "127.0.0.1:3001"}, False),
        ({"host": "evil.example:3000"}, False),
        ({"host": "127.0.0.1:3000.evil.example"}, False),
        ({**OWN, "method": "POST", "origin": "http://127.0.0.1:3000"}, True),
        ({**OWN, "method": "POST", "origin": "http://localhost:3000"}, True),
        ({**OWN, "method": "POST"}, True),
        ({**OWN, "method": "POST", "origin": "null"}, False),
        ({**OWN, "method": "POST", "origin": "http://evil.example"}, False),
        ({**OWN, "method": "POST", "origin": "http://127.0.0.1:3001"}, False),
        ({**OWN, "method": "POST", "origin": "http://127.0.0.1:3000.evil.example"}, False),
        ({**OWN, "method": "POST", "referer": "http://127.0.0.1:3000/runs"}, True),
        ({**OWN, "method": "POST", "referer": "http://evil.example/127.0.0.1:3000/"}, False),
        ({**OWN, "method": "POST", "referer": "http://127.0.0.1:3000.evil.example/"}, False),
        ({**OWN, "referer": "http://evil.example/"}, True),
        ({"host": "loyalty.example", "method": "POST", "origin": "https://loyalty.example"}, True),
        ({**OWN, "sec_fetch_site": "same-origin"}, True),
        ({**OWN, "sec_fetch_site": "none"}, True),
        ({**OWN, "sec_fetch_site": "cross-site"}, False),
        ({**OWN, "sec_fetch_site": "same-site"}, False),
        ({**OWN, "sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}, True),
        ({**OWN, "sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "iframe"}, False),
        ({**OWN, "path": "/graphql", "query": "query=mutation"}, False),
        ({**OWN, "path": "/graphql/", "query": "query=mutation", "method": "HEAD"}, False),
        ({**OWN, "path": "/graphql", "method": "POST"}, True),
    ],
)
def test_own_pages_pass_and_no_others(request_: dict[str, str], passes: bool) -> None:
    found = answer(**request_)
    assert found["status"] == (200 if passes else 403)
    told = dict(found["headers"])
    assert told[b"x-frame-options"] == b"DENY" and b"frame-ancestors 'none'" in told[b"content-security-policy"]


def test_a_web_socket_of_another_page_is_closed() -> None:
    assert answer(kind="websocket", **OWN, origin="http://127.0.0.1:3000")["type"] == "websocket.accept"
    for headers in ({**OWN, "origin": "http://evil.example"}, {"host": "evil.example:3000"}):
        assert answer(kind="websocket", **headers)["type"] == "websocket.close"


def test_dagsters_command_line_makes_its_application_where_the_guard_takes_it() -> None:
    from dagster_webserver import cli

    assert MAKE_APP in cli.host_dagster_ui_with_workspace_process_context.__code__.co_names
    assert callable(getattr(cli, MAKE_APP))
