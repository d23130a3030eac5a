"""`loyalty ui` and `loyalty serve`: Dagster's web server and its daemon for one home folder, until they are stopped."""

import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from dagster_project.cli.console import Console
from dagster_project.runs import open_instance
from warehouse.errors import UserError
from warehouse.processes import port_user, process_name
from warehouse.settings import PROJECT_ROOT, Settings

DONE, FAILED = 0, 1
ADDRESS = "127.0.0.1"
WORKSPACE = PROJECT_ROOT / "workspace.yaml"
LOOK_SECONDS, PATIENCE_SECONDS = 0.2, 15


def serve(
    settings: Settings, port: int, *, automation: bool, proxy_host: str | None = None, address: str = ADDRESS
) -> int:
    """Serve until a signal comes. Returns the exit code.

    automation: whether schedules and sensors start runs by themselves. `proxy_host`: the name under which a proxy with
    a login shows the pages. `address`: what the server listens on; it answers to this machine's own names all the same.
    Raises UserError where the home is served already, or the port is taken.
    """
    with ExitStack() as stack:
        stack.enter_context(_alone(settings, port))
        _require_free(address, port)
        with open_instance(settings):  # one process makes what is stored, not two at once
            pass
        environment = {
            **os.environ,
            "LOYALTY_COMPANY": str(settings.path.resolve()),
            "LOYALTY_AUTOMATION": "on" if automation else "off",
        }
        hosts = [f"{name}:{port}" for name in (ADDRESS, "localhost", "[::1]")]
        hosts += [proxy_host, f"{proxy_host}:443"] if proxy_host else []
        web = ["-m", "dagster_project.web", ",".join(hosts), "-w", str(WORKSPACE), "-h", address, "-p", str(port)]
        daemon = ["-m", "dagster._daemon", "run", "-w", str(WORKSPACE)]
        started = [stack.enter_context(_process(words, environment)) for words in (web, daemon)]
        starts = "start runs by themselves" if automation else "are off; `loyalty serve` has them on"
        if address != ADDRESS:
            sys.stderr.write(f"loyalty: the server listens on {address}, and whoever reaches it can start runs.\n")
        Console(soft_wrap=True).print(f"http://{ADDRESS}:{port} for {settings.home}; schedule and sensors {starts}")
        return _wait_for(started)


@contextmanager
def _alone(settings: Settings, port: int) -> Iterator[None]:
    """Two servers of one home would start every run twice."""
    path = settings.home / "ui.lock"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        told = os.read(descriptor, 200).decode(errors="replace")
        os.close(descriptor)
        raise UserError(f"{settings.home} is served already{told}. Stop that one first.") from error
    try:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f": http://{ADDRESS}:{port}, process {os.getpid()}".encode())
        yield
    finally:
        os.ftruncate(descriptor, 0)
        os.close(descriptor)


def _require_free(address: str, port: int) -> None:
    try:
        with socket.socket() as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind((address, port))
    except OSError as error:
        user = port_user(port)
        by = f" by {process_name(user)}" if user else ""
        raise UserError(f"Port {port} is taken{by} ({error.strerror}). Choose another one with --port.") from error


@contextmanager
def _process(words: list[str], environment: dict[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    # the program is this environment's own Python, and its words come from the command line and the settings
    started = subprocess.Popen([sys.executable, *words], cwd=PROJECT_ROOT, env=environment, start_new_session=True)
    try:
        yield started
    finally:
        started.send_signal(signal.SIGINT)
        try:
            started.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


def _wait_for(started: list["subprocess.Popen[bytes]"]) -> int:
    """Wait until somebody stops this process, or one of those it started ends."""
    while True:
        for process in started:
            if process.poll() is not None:
                what = Path(str(process.args[2])).name  # type: ignore[index]
                raise UserError(f"{what} ended by itself (exit code {process.returncode}); what it said stands above.")
        time.sleep(LOOK_SECONDS)
