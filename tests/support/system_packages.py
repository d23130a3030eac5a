"""Programs that tests need and that come from the system's packages, not from Python's."""

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

# Where Debian puts programs that are not on everybody's PATH.
EXTRA_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/usr/lib/postgresql/*/bin")


def require_program(name: str, package: str) -> Path:
    """The program's path. Without it the test is skipped, naming the package; where CI is set, it fails."""
    found = shutil.which(name) or _outside_path(name)
    if found:
        return Path(found)
    skip_outside_ci(f"the program {name} is missing: install the Debian package {package}")


def require_environment(python: Path, target: str) -> None:
    """The same for an environment of its own, which `make target` makes."""
    if not python.exists():
        skip_outside_ci(f"{python.parts[-3]} is missing: `make {target}` makes it")


def skip_outside_ci(reason: str) -> NoReturn:
    """Skip the test with the reason; where CI is set, what the test needs has to be there."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def _outside_path(name: str) -> str | None:
    for pattern in EXTRA_FOLDERS:
        for folder in sorted(Path("/").glob(pattern.lstrip("/")), reverse=True):
            if found := shutil.which(name, path=str(folder)):
                return found
    return None
