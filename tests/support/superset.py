"""A real Apache Superset on a free loopback port, of the environment that `make clients` makes, until the block ends.

Its own records are in a SQLite file of a new folder, and whoever opens /enter?next=... is logged in.
"""

import os
import secrets
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.support.database_servers import free_port
from tests.support.patience import wait_until
from tests.support.system_packages import require_environment
from warehouse.settings import PROJECT_ROOT

PYTHON = PROJECT_ROOT / ".clients-venv" / "bin" / "python"
USER = "admin"
CONFIG = """
SECRET_KEY = {secret!r}
SQLALCHEMY_DATABASE_URI = "sqlite:///{folder}/superset.db"
TALISMAN_ENABLED = False  # its headers are for https
"""
# What `superset db upgrade`, `superset init`, `superset fab create-admin` and `superset run` do, each of which would
# import Superset anew.
START = """
import sys
from flask import redirect, request
from flask_login import login_user
from flask_migrate import upgrade
from superset.app import create_app

port, user, password = int(sys.argv[1]), sys.argv[2], sys.stdin.readline().strip()
app = create_app()
with app.app_context():
    from superset import appbuilder, security_manager
    upgrade()
    appbuilder.add_permissions(update_perms=True)
    security_manager.sync_role_definitions()
    role = security_manager.find_role("Admin")
    security_manager.add_user(user, "A", "B", "a@example.com", role, password=password)

@app.route("/enter")
def enter():
    login_user(security_manager.find_user(user))
    return redirect(request.args["next"])

app.run(host="127.0.0.1", port=port, threaded=True)
"""


@dataclass(frozen=True)
class Superset:
    """A running Superset and its administrator."""

    url: str
    password: str


@contextmanager
def superset_server(folder: Path) -> Iterator[Superset]:
    """Superset with nothing in it but its administrator."""
    require_environment(PYTHON, "clients")
    folder.mkdir()
    config = folder / "superset_config.py"
    config.write_text(CONFIG.format(secret=secrets.token_hex(32), folder=folder))
    port, password = free_port(), secrets.token_hex(8)
    # the folder is nobody else's project, and holds no module that could be imported in place of another
    environ = {**os.environ, "SUPERSET_CONFIG_PATH": str(config), "SUPERSET_HOME": str(folder), "PYTHONSAFEPATH": "1"}
    command = [str(PYTHON), "-c", START, str(port), USER]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=log, stderr=log, cwd=folder, env=environ, text=True
        )
    assert process.stdin is not None
    process.stdin.write(f"{password}\n")
    process.stdin.close()
    try:
        server = Superset(f"http://127.0.0.1:{port}", password)
        log = folder / "log"
        wait_until(
            lambda: _is_well(server.url), process, lambda: f"no start: {log.read_text(errors='replace')[-3000:]}"
        )
        yield server
    finally:
        process.kill()
        process.wait()


def _is_well(url: str) -> bool:
    with suppress(OSError), urllib.request.urlopen(f"{url}/health", timeout=5):
        return True
    return False
