"""Real receivers on this machine: a mail server and a web server, which refuse, defer, and kill whoever delivers."""

import email
import json
import os
import signal
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

BREAK_OFF = "break off"


@dataclass
class Killer:
    """Ends the deliverer with SIGKILL at a message: before it is accepted, or accepted but not yet answered."""

    victim: int | None = None
    at: int = 0
    accepts_first: bool = False
    seen: int = 0

    def strike(self, accept: Callable[[], None]) -> None:
        """Count a message; at the one that is aimed at, kill. Otherwise accept it."""
        self.seen += 1
        if self.victim is None or self.seen != self.at:
            accept()
            return
        if self.accepts_first:
            accept()
        victim, self.victim = self.victim, None
        os.kill(victim, signal.SIGKILL)


@dataclass
class Mailbox:
    """What the mail server accepted. `replies`: for an address, the answers it gives before accepting."""

    accepted: list[EmailMessage] = field(default_factory=list)
    replies: dict[str, list[str]] = field(default_factory=dict)
    data_replies: list[str] = field(default_factory=list)
    killer: Killer = field(default_factory=Killer)

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if self.replies.get(address):
            reply = self.replies[address].pop(0)
            if reply == BREAK_OFF:
                server.transport.abort()
            return reply
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        if self.data_replies:
            return self.data_replies.pop(0)
        message = email.message_from_bytes(envelope.content, policy=default)
        assert isinstance(message, EmailMessage)
        assert envelope.rcpt_tos == [message["To"].addresses[0].addr_spec]
        self.killer.strike(lambda: self.accepted.append(message))
        return "250 accepted"

    def ids(self) -> list[str]:
        return [message["Message-ID"].strip("<>").partition("@")[0] for message in self.accepted]


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


@contextmanager
def mail_server(
    mailbox: Mailbox, port: int, password: str | None = None, tls: ssl.SSLContext | None = None
) -> Iterator[None]:
    """The mail server, for as long as it is needed; with a password, for who knows it; with TLS, on nothing else."""

    def knows_it(server: Any, session: Any, envelope: Any, mechanism: str, data: LoginPassword) -> AuthResult:
        return AuthResult(success=data.password.decode() == password, handled=False)

    asked = {"authenticator": knows_it, "auth_required": True, "auth_require_tls": False} if password else {}
    wanted = {"tls_context": tls, "require_starttls": True} if tls else {}
    controller = Controller(mailbox, hostname="127.0.0.1", port=port, **asked, **wanted)
    controller.start()
    try:
        yield
    finally:
        controller.stop()


@dataclass
class Hook:
    """What the web server accepted, by idempotency key, and the codes it answers with before accepting."""

    accepted: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    codes: dict[str, list[int]] = field(default_factory=dict)
    killer: Killer = field(default_factory=Killer)

    def answer(self, key: str, headers: dict[str, str], body: dict[str, Any]) -> int:
        self.headers.append(headers)
        if self.codes.get(key):
            return self.codes[key].pop(0)
        self.killer.strike(lambda: self.accepted.append((key, body)))
        return 204


@contextmanager
def web_server(hook: Hook) -> Iterator[str]:
    """The server's address, for as long as it runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            hook.bodies.append(raw)
            body = json.loads(raw)
            code = hook.answer(self.headers["Idempotency-Key"], dict(self.headers), body)
            if not code:  # breaks off
                self.close_connection = True
                return
            self.send_response(code)
            if 300 <= code < 400:
                self.send_header("Location", "/elsewhere")
            self.end_headers()

        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_arguments: Any) -> None:
            """Nothing: tests look at what was accepted."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/messages"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def dribbling_server(greeting: bytes, dribble: bytes, seconds: float = 0.02) -> Iterator[int]:
    """A server that greets, and then answers whatever it is sent with a few bytes now and then, for ever. Its port."""
    stopped = threading.Event()
    listening = socket.create_server(("127.0.0.1", 0))
    listening.settimeout(0.1)

    def serve() -> None:
        while not stopped.is_set():
            try:
                client, _ = listening.accept()
            except TimeoutError:
                continue
            with client:
                try:
                    client.sendall(greeting)
                    while not stopped.wait(seconds):
                        client.sendall(dribble)
                except OSError:
                    continue

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        stopped.set()
        thread.join()
        listening.close()
