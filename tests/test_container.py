"""The container: what its image copies is there and enough, what it starts are commands, and only this machine gets in.

Building it takes a registry; what this file cannot see was tried by hand (docs/container.md).
"""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from dagster_project.cli import main
from dagster_project.cli.parser import parse
from tests.support.company import Company, Generated, company
from tests.support.database_servers import free_port
from tests.support.patience import PATIENCE, wait_until
from warehouse.settings import PROJECT_ROOT

FOLDER = PROJECT_ROOT / "deploy" / "container"
CONTAINERFILE = (FOLDER / "Containerfile").read_text(encoding="utf-8")
SERVICE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))["services"]["loyalty"]
# The command line of the copy: what stands in the working folder is imported before what is installed.
COMMAND = "import sys; from dagster_project.cli.main import main; sys.exit(main())"


def copied() -> list[str]:
    """What the image takes from the repository, as its COPY instructions name it."""
    lines = re.findall(r"^COPY (?!--from)(.*)$", CONTAINERFILE, re.MULTILINE)
    return sorted(name for line in lines for name in line.split()[:-1])


def test_what_the_image_copies_is_in_the_repository_and_nothing_else_reaches_the_builder() -> None:
    ignored = (PROJECT_ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert ignored[1] == "*"
    assert sorted(line[1:] for line in ignored if line.startswith("!")) == copied()
    assert all((PROJECT_ROOT / name).exists() for name in copied())


def test_what_it_starts_are_commands_of_the_product() -> None:
    served = json.loads(re.findall(r"^CMD (.*)$", CONTAINERFILE, re.MULTILINE)[0])
    composed = [word.replace("${WEB_PORT:-3000}", "3000") for word in SERVICE["command"]]
    checked = SERVICE["healthcheck"]["test"]
    assert json.loads(re.findall(r"^ENTRYPOINT (.*)$", CONTAINERFILE, re.MULTILINE)[0]) == ["loyalty"] == checked[1:2]
    for words in (served, composed, checked[2:]):
        assert parse(main.command_line(), words).handler, shlex.join(words)
    assert parse(main.command_line(), served).address == parse(main.command_line(), composed).address == "0.0.0.0"


def test_it_runs_without_rights_and_is_published_to_this_machine_alone() -> None:
    last_stage = CONTAINERFILE.rpartition("FROM ")[2]
    assert re.findall(r"^USER (.*)$", last_stage, re.MULTILINE) == ["loyalty"]
    assert [port.partition(":")[0] for port in SERVICE["ports"]] == ["127.0.0.1"]
    assert SERVICE["read_only"] and SERVICE["cap_drop"] == ["ALL"] and "privileged" not in SERVICE
    assert [place.partition(":")[0] for place in SERVICE["tmpfs"]] == ["/tmp", "/opt/loyalty-warehouse/dbt/target"]
    assert SERVICE["security_opt"] == ["no-new-privileges:true"] and "network_mode" not in SERVICE
    assert [volume for volume in SERVICE["volumes"] if not volume.endswith(":ro")] == [
        "${HOME_VOLUME:-home}:/var/lib/loyalty"
    ]


@pytest.mark.parametrize("address", ["localhost", "::", "0.0.0.0.0", ""])
def test_a_server_listens_on_an_address(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(main.command_line(), ["serve", "--address", address])
    assert "is no address such as 0.0.0.0" in capsys.readouterr().err


@pytest.fixture
def image(tmp_path: Path) -> Iterator[Path]:
    """A folder with what the image has of the repository; without rights only its dbt/target can be written to."""
    root = tmp_path / "image"
    root.mkdir()
    tracked = subprocess.run(
        ["git", "ls-files", *copied()], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True
    )
    for name in tracked.stdout.splitlines():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT_ROOT / name, root / name)
    for path in [root, *root.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    (root / "dbt").chmod(0o755)
    (root / "dbt" / "target").mkdir(mode=0o755)
    (root / "dbt").chmod(0o555)
    yield root
    for path in [root, *(path for path in root.rglob("*") if path.is_dir())]:
        path.chmod(0o755)


def loyalty(image: Path, one: Company, *words: str) -> list[str]:
    return [sys.executable, "-B", "-c", COMMAND, "--company", str(one.file), *words]


@contextmanager
def serving(image: Path, one: Company, port: int) -> Iterator["subprocess.Popen[str]"]:
    command = loyalty(image, one, "serve", "--address", "0.0.0.0", "--port", str(port))
    environment = {**os.environ, "LOYALTY_AUTOMATION": "off", "PYTHONDONTWRITEBYTECODE": "1"}
    process = subprocess.Popen(command, cwd=image, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)


def first_answer(port: int, process: "subprocess.Popen[str]") -> str:
    """What the server says of itself, once it does."""

    def found() -> str:
        with (
            suppress(OSError),
            urllib.request.urlopen(f"http://127.0.0.1:{port}/server_info", timeout=10) as answer,
        ):
            return str(answer.read().decode())
        return ""

    return wait_until(found, process)


@pytest.mark.slow
def test_what_the_image_holds_is_enough_to_run_to_serve_and_to_be_asked(
    image: Path, generated: Generated, own_environment: None, tmp_path: Path
) -> None:
    one = company(tmp_path / "home", generated.settings(generated.folder))

    def asked(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(loyalty(image, one, *words), cwd=image, capture_output=True, text=True, check=False)

    nothing_yet = asked("status", "--check")
    assert nothing_yet.returncode == 1 and "nothing is published yet" in nothing_yet.stdout + nothing_yet.stderr
    done = asked("run")
    assert done.returncode == 0, done.stdout + done.stderr
    port = free_port()
    with serving(image, one, port) as process:
        assert "dagster_webserver_version" in first_answer(port, process)
        well = asked("status", "--check")
        assert well.returncode == 0, well.stdout + well.stderr
        assert process.poll() is None
    assert not list(image.rglob("*.pyc"))
