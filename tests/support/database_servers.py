"""Real PostgreSQL and MariaDB servers on a free loopback port, gone when the block ends."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import duckdb

from tests.support.patience import PATIENCE, wait_until
from tests.support.system_packages import require_program
from warehouse.ingest.duckdb_extensions import load_extension
from warehouse.sql import connect, quote_literal

USER, PASSWORD, DATABASE = "loyalty", "Pa55-w0rd!", "company"


@dataclass
class DatabaseServer:
    """A running server with an empty database."""

    kind: Literal["postgres", "mysql"]
    port: int
    database: str
    _client: duckdb.DuckDBPyConnection | None = None

    @property
    def dsn(self) -> str:
        scheme = "postgresql" if self.kind == "postgres" else "mysql"
        return f"{scheme}://{USER}:{PASSWORD.replace('!', '%21')}@127.0.0.1:{self.port}/{self.database}"

    def execute(self, *statements: str) -> None:
        """Runs statements of the server's own SQL."""
        if self._client is None:
            self._client = connect()
            load_extension(self._client, f"{self.kind}_scanner")
            self._client.execute(f"attach {quote_literal(self.dsn)} as server (type {self.kind})")
        for statement in statements:
            self._client.execute(f"call {self.kind}_execute('server', {quote_literal(statement)})")

    def hang_up(self) -> None:
        """Closes the connection that `execute` keeps."""
        if self._client is not None:
            self._client.close()


@contextmanager
def postgres_server() -> Iterator[DatabaseServer]:
    """A PostgreSQL server (Debian package postgresql). Skips the test where there is none."""
    initdb, pg_ctl = require_program("initdb", "postgresql"), require_program("pg_ctl", "postgresql")
    with _private_folder("postgres") as (folder, as_user):
        password_file = folder / "password"
        password_file.write_text(PASSWORD)
        _hand_over(password_file, as_user)
        _run([initdb, "-D", folder / "data", "-U", USER, "-A", "scram-sha-256", f"--pwfile={password_file}",
              "--no-sync", "-E", "UTF8", "--locale=C"], as_user)  # fmt: skip
        port = free_port()
        options = f"-c listen_addresses=127.0.0.1 -p {port} -c unix_socket_directories= -c fsync=off"
        control = [pg_ctl, "-D", folder / "data", "-w", "-t", str(PATIENCE)]
        _run([*control, "-l", folder / "log", "-o", options, "start"], as_user)
        running = DatabaseServer("postgres", port, "postgres")
        try:
            yield running
        finally:
            running.hang_up()
            _run([*control, "-m", "immediate", "stop"], as_user)


@contextmanager
def mariadb_server() -> Iterator[DatabaseServer]:
    """A MariaDB server (Debian package mariadb-server). Skips the test where there is none."""
    install, server = (require_program(name, "mariadb-server") for name in ("mariadb-install-db", "mariadbd"))
    with _private_folder("mysql") as (folder, as_user):
        _run([install, "--no-defaults", f"--datadir={folder}/data", "--auth-root-authentication-method=normal",
              "--skip-test-db"], as_user)  # fmt: skip
        start = folder / "start.sql"
        start.write_text(
            f"create database {DATABASE};\n"
            f"create user '{USER}'@'127.0.0.1' identified by '{PASSWORD}';\n"
            f"grant all on *.* to '{USER}'@'127.0.0.1';\n"
        )
        _hand_over(start, as_user)
        port = free_port()
        command = [server, "--no-defaults", f"--datadir={folder}/data", f"--port={port}", "--bind-address=127.0.0.1",
                   f"--socket={folder}/socket", f"--pid-file={folder}/pid", f"--init-file={start}",
                   "--skip-name-resolve", "--innodb-flush-log-at-trx-commit=0"]  # fmt: skip
        with (folder / "log").open("w") as log:
            process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=folder, **as_user)
        running = DatabaseServer("mysql", port, DATABASE)
        try:
            wait_for_port(port, process, folder / "log")
            yield running
        finally:
            running.hang_up()
            process.terminate()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def _private_folder(preferred_user: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    """A folder, and the arguments of `subprocess` for the user who owns it: no server starts as root."""
    as_user: dict[str, Any] = {}
    if os.geteuid() == 0:
        names = {entry.pw_name for entry in pwd.getpwall()}
        account = pwd.getpwnam(preferred_user if preferred_user in names else "nobody")
        as_user = {"user": account.pw_name, "group": account.pw_gid, "extra_groups": []}
    folder = Path(tempfile.mkdtemp(prefix="loyalty-server-"))
    try:
        _hand_over(folder, as_user)
        yield folder, as_user
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _hand_over(path: Path, as_user: dict[str, Any]) -> None:
    """Makes the server's user the owner; a server that runs as the test's own user owns its files already."""
    if as_user:
        shutil.chown(path, as_user["user"])


def _run(command: list[Any], as_user: dict[str, Any]) -> None:
    done = subprocess.run(command, cwd="/", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, **as_user)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stdout.decode(errors='replace')[-2000:]}")


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_port(port: int, process: "subprocess.Popen[Any]", log: Path) -> None:
    """Wait until the process listens; fails with the end of its log if it ends before."""
    wait_until(lambda: _listens(port), process, lambda: f"it did not start: {log.read_text(errors='replace')[-2000:]}")


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False
