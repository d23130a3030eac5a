"""The systemd units are sound, as systemd reads them, and start commands that there are."""

import getpass
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from dagster_project.cli import main
from dagster_project.cli.parser import parse
from tests.support.system_packages import require_program
from warehouse.settings import PROJECT_ROOT

UNITS = sorted((PROJECT_ROOT / "deploy" / "systemd").iterdir())
INSTALLED = "/opt/loyalty-warehouse"
COMMAND = re.compile(rf"^ExecStart={INSTALLED}/\.venv/bin/loyalty (.*)$", re.MULTILINE)


def test_every_service_starts_a_command_of_the_product() -> None:
    services = [unit for unit in UNITS if unit.suffix == ".service"]
    assert {unit.name.partition("@")[0] for unit in services} >= {"loyalty-run", "loyalty-serve", "loyalty-backup"}
    for unit in services:
        (command,) = COMMAND.findall(unit.read_text(encoding="utf-8"))
        assert parse(main.command_line(), shlex.split(command)).handler, unit.name


def test_systemd_finds_nothing_wrong(tmp_path: Path) -> None:
    program = require_program("systemd-analyze", "systemd")
    root = tmp_path / "installed"
    (root / ".venv" / "bin").mkdir(parents=True)
    loyalty = root / ".venv" / "bin" / "loyalty"
    loyalty.write_text("#!/bin/sh\n")
    loyalty.chmod(0o755)
    user = f"User={getpass.getuser()}"
    for unit in UNITS:
        text = unit.read_text(encoding="utf-8").replace(INSTALLED, str(root)).replace("User=loyalty", user)
        (tmp_path / unit.name.replace("@.", "@my_shop.")).write_text(text, encoding="utf-8")
    names = [str(path) for path in sorted(tmp_path.glob("loyalty-*"))]
    found = subprocess.run([program, "verify", "--man=no", *names], capture_output=True, text=True, check=False)
    assert (found.returncode, [line for line in found.stderr.splitlines() if "loyalty" in line]) == (0, [])


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_speaks_of_any_company(unit: Path) -> None:
    assert "%i" in unit.read_text(encoding="utf-8")
