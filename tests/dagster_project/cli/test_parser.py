"""The command line as people type it: options anywhere, the nearest word for a wrong one, and no traceback."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

from dagster_project.cli import main as command_line
from dagster_project.words import in_words
from tests.support.company import LOYALTY, Company, company
from warehouse.settings import Settings
from warehouse.sql import connect

HELD = (
    'IO Error: Could not set lock on file "/h/w.duckdb": Conflicting lock is held in /usr/bin/python3 (PID 1). See also'
)
VALUES = {
    "company": "empty", "sources": {"shop": {"input_path": "nowhere"}}, "business_timezone": "UTC",
    "base_currency": "GBP", "churn_horizon_days": 60,
}  # fmt: skip


@pytest.fixture
def empty(tmp_path: Path, own_environment: None) -> Company:
    return company(tmp_path / "home", VALUES)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["stauts"], 'unknown command "stauts" (did you mean "status"?)'),
        (["privacy", "ersae", "x"], 'unknown action "ersae" (did you mean "erase"?)'),
        (["run", "--as-off", "x"], 'unknown option "--as-off" (did you mean "--as-of"?)'),
        (["status", "--compny", "x"], 'unknown option "--compny" (did you mean "--company"?)'),
        (["sql", "--format", "xml", "x"], 'unknown --format "xml", there are table, csv, json'),
        (["run", "--wait", "inf"], "'inf' is no number of seconds"),
        (["run", "--wait", "-1"], "--wait"),
        (["ui", "--port", "0"], "'0' is no port"),
        (["simulate", "--search", "--cost-cap", "nan"], "'nan' is no amount"),
        (["messages", "preview", "--limit", "x\x1b[2J"], "'x\\x1b[2J' is no whole number"),
    ],
)
def test_a_wrong_word_is_answered_with_the_nearest(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        command_line.main(arguments)
    said = capsys.readouterr().err
    assert ended.value.code == 2 and told in said and said.count("\n") == 1 and "--help" in said


def test_options_of_the_whole_command_line_stand_anywhere(empty: Company, capsys: pytest.CaptureFixture[str]) -> None:
    file = str(empty.file)
    for arguments in (["--company", file, "status"], ["status", "--settings", file], ["status", f"--company={file}"]):
        assert command_line.main(arguments) == 0
        assert "empty in" in capsys.readouterr().out


@pytest.mark.parametrize(("arguments", "told"), [([], "command ..."), (["privacy"], "action ...")])
def test_a_bare_command_prints_its_help(arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.main(arguments) == 2 and told in capsys.readouterr().err


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command_line.main(["--version"])
    assert ended.value.code == 0 and capsys.readouterr().out.startswith("loyalty 0.")


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), MemoryError(), OSError(28, "No space left on device"), ZeroDivisionError("x")]
)
def test_no_traceback_reaches_anybody(
    empty: Company, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: BaseException
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("dagster_project.cli.status.print_status", fail)
    code = command_line.main(["--company", str(empty.file), "status"])
    said = capsys.readouterr().err
    assert code == (130 if isinstance(error, KeyboardInterrupt) else 1)
    assert said.startswith("loyalty: ") and "Traceback" not in said and type(error).__name__ not in said


def test_an_interrupt_that_python_would_forget_is_heard(
    empty: Company, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class LetGo:
        def __del__(self) -> None:
            raise KeyboardInterrupt

    def work(_: object) -> None:
        LetGo()
        time.sleep(20)

    monkeypatch.setattr("dagster_project.cli.status.print_status", work)
    monkeypatch.setattr(sys, "unraisablehook", sys.__unraisablehook__)
    earlier = signal.signal(signal.SIGINT, signal.default_int_handler)  # other tests may have left another
    began = time.monotonic()
    try:
        assert command_line.main(["--company", str(empty.file), "status"]) == 130
    finally:
        signal.signal(signal.SIGINT, earlier)
    assert time.monotonic() - began < 10 and capsys.readouterr().err == "loyalty: interrupted.\n"


def test_a_damaged_store_is_set_aside_and_made_anew(empty: Company) -> None:
    assert empty.loyalty("status").code == 0
    store = next(empty.settings.dagster_home.rglob("runs.db"))
    store.write_bytes(b"\xff" * 9000)
    done = empty.loyalty("status")
    assert done.code == 0 and "is damaged" in done.err and "last run   none" in done.out
    assert [path.name for path in empty.settings.home.glob("dagster-damaged-*/*/*")]
    again = empty.loyalty("status")
    assert again.code == 0 and again.err == ""


def test_a_store_that_another_program_holds_is_told_with_that_program(empty: Company) -> None:
    assert empty.loyalty("status").code == 0
    command = [
        sys.executable,
        "-c",
        "import sys; held = open(sys.argv[1]); print('open', flush=True); sys.stdin.read()",
    ]
    store = next(empty.settings.dagster_home.rglob("runs.db"))
    with subprocess.Popen([*command, str(store)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == b"open\n"
        told = in_words("(sqlite3.OperationalError) database is locked", empty.settings, "OperationalError")
        holder.communicate()
    assert f"is held by process {holder.pid}" in told and "Error" not in told


@pytest.mark.slow
def test_a_home_that_cannot_be_written_is_told_by_every_command(empty: Company, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for arguments in (["status"], ["run"]):
        command = [str(LOYALTY), *arguments, "--company", str(empty.file)]
        environment = {**os.environ, "LOYALTY_HOME": str(tmp_path / "file" / "home")}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert "Traceback" not in done.stderr + done.stdout and "Error" not in done.stderr, done.stderr
        assert str(tmp_path / "file") in done.stderr + done.stdout


@pytest.mark.parametrize(
    ("kind", "message", "told"),
    [
        ("IOException", HELD, "/h/w.duckdb is open in process 1"),
        ("OutOfMemoryException", "Out of Memory Error: failed to allocate data", "memory was not enough"),
        ("MemoryError", "", "memory was not enough"),
        ("OSError", "[Errno 28] No space left on device: 'x'", "is full"),
        ("OperationalError", "(sqlite3.OperationalError) database or disk is full", "is full"),
        ("OSError", "[Errno 30] Read-only file system: 'x'", "cannot be written to"),
        ("OperationalError", "(sqlite3.OperationalError) attempt to write a readonly database", "cannot be written to"),
        ("RuntimeError", "can't start new thread", "ulimit -u"),
        ("OSError", "[Errno 24] Too many open files", "ulimit -n"),
        ("DatabaseError", "(sqlite3.DatabaseError) database disk image is malformed", "is damaged"),
        ("DagsterExecutionInterruptedError", "", "it was interrupted"),
        ("IOException", '"/h/warehouse.duckdb" exists, but it is not a valid DuckDB database file!', "is damaged"),
        ("SerializationException", 'Could not read enough bytes from file "/h/x.duckdb": 1 of 2', "/h/x.duckdb is dam"),
        ("KeyError", "KeyError: 'x'", "'x' (unexpected"),
    ],
)  # fmt: skip
def test_errors_of_the_machine_are_told_in_words(settings: Settings, kind: str, message: str, told: str) -> None:
    said = in_words(message, settings, kind)
    assert told in said and kind not in said and "Error" not in said


@pytest.mark.parametrize(
    ("setting", "value", "told"),
    [
        ("temp_directory", "", "Raise memory_limit in the settings, or lower threads"),
        ("max_temp_directory_size", "1MB", "has no room for what does not fit in memory"),
    ],
)
def test_what_does_not_fit_names_the_setting(settings: Settings, setting: str, value: str, told: str) -> None:
    with connect(beside=settings.warehouse_path) as connection:
        connection.execute(f"set threads = 1; set memory_limit = '30MB'; set {setting} = '{value}'")
        with pytest.raises(duckdb.OutOfMemoryException) as refused:
            connection.execute("select md5(cast(n as varchar)) from range(1000000) as t (n) order by hash(n), 1")
    assert told in in_words(str(refused.value), settings, "OutOfMemoryException")


def test_a_taken_port_names_its_process(empty: Company) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = empty.loyalty("ui", "--port", str(port))
    assert done.code == 2 and f"Port {port} is taken by process {os.getpid()}" in done.err


@pytest.mark.slow
def test_too_little_memory_ends_in_a_sentence(empty: Company) -> None:
    command = [sys.executable, "-c", LIMITED, str(empty.file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
    assert done.returncode == 1 and "memory was not enough" in done.stderr and "Traceback" not in done.stderr


LIMITED = """
import resource, sys
from dagster_project.cli import main
from dagster_project.cli import status
def fill(settings):
    resource.setrlimit(resource.RLIMIT_AS, (2**32, 2**32))
    bytearray(2**33)
status.print_status = fill
sys.exit(main.main(["--company", sys.argv[1], "status"]))
"""
