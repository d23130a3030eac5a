"""A missing program skips a test on a developer's machine and fails it where the whole suite has to run."""

import pytest

from tests.support.system_packages import require_program


def test_a_program_that_is_there() -> None:
    assert require_program("sh", "dash").is_file()


def test_a_missing_program_skips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="install the Debian package nothing-server"):
        require_program("no-such-program", "nothing-server")


def test_a_missing_program_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="install the Debian package nothing-server"):
        require_program("no-such-program", "nothing-server")
