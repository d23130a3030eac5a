"""Which Python the Makefile takes for the environment, and what it says where there is none, with made-up programs."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from warehouse.settings import PROJECT_ROOT

PTH = ".venv/lib/python3.11/site-packages/_editable_impl_loyalty_warehouse.pth"
# A program `python3` that says it is another version; what it cannot import is named in {missing}.
PYTHON = """#!{python} -I
import sys
sys.version_info = ({version}, 0, "final", 0)
sys.executable = "{folder}/python3"
if sys.argv[1:] == ["--version"]:
    print("Python {version}.0".replace(", ", "."))
elif sys.argv[1] == "-c":
    sys.modules.update(dict.fromkeys({missing}))
    exec(sys.argv[2])
else:
    sys.exit("called with " + " ".join(sys.argv[1:]))
"""
# A program `uv` that writes down what it is asked, installs one file, and cannot download.
UV = f"""#!/bin/sh
echo "$@" >>asked
case "$*" in
    *">="*) exit 2 ;;
    venv*) mkdir -p .venv/bin && : >.venv/bin/python ;;
    sync*) mkdir -p {Path(PTH).parent} && pwd >{PTH} ;;
esac
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the Makefile and a PATH (folder `path`) that holds a shell's usual programs and nothing else."""
    for name in ("Makefile", "pyproject.toml", "uv.lock"):
        shutil.copy(PROJECT_ROOT / name, tmp_path)
    (tmp_path / "path").mkdir()
    for name in ("make", "sh", "env", "touch", "mkdir"):
        program = shutil.which(name)
        assert program
        (tmp_path / "path" / name).symlink_to(program)
    return tmp_path


def program(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(0o755)


def python(project: Path, version: str, missing: tuple[str, ...] = ()) -> None:
    folder = project / "path"
    values = {"python": Path(sys.executable).resolve(), "version": version, "folder": folder, "missing": missing}
    program(folder / "python3", PYTHON.format(**values))


def make(project: Path, target: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": str(project / "path")}
    for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PYTHON"):
        environment.pop(name, None)
    return subprocess.run(
        ["make", target], cwd=project, env=environment, capture_output=True, text=True, check=False
    )  # fmt: skip


@pytest.mark.parametrize("version", ["3, 11", "3, 13"])
def test_the_system_s_python_is_taken_where_it_fits(project: Path, version: str) -> None:
    python(project, version)
    program(project / ".uv/bin/uv", UV)
    assert make(project, ".venv/bin/python").returncode == 0
    assert (project / "asked").read_text() == f"venv --quiet --clear --python {project}/path/python3 .venv\n"


@pytest.mark.parametrize("version", ["3, 10", "3, 14"])
def test_where_it_does_not_fit_uv_looks_for_one_and_without_it_a_sentence_helps(project: Path, version: str) -> None:
    python(project, version)
    program(project / ".uv/bin/uv", UV)
    done = make(project, ".venv/bin/python")
    assert (project / "asked").read_text() == "venv --quiet --clear --python >=3.11,<3.14 .venv\n"
    assert done.returncode and f"Python {version.replace(', ', '.')}.0 was found" in done.stdout
    assert "python3.13-venv" in done.stdout and "make PYTHON=python3.13" in done.stdout


def test_the_project_is_found_by_a_path_that_python_reads_in_any_locale(project: Path) -> None:
    """`uv sync` leaves it alone the second time, where it compiles: the real one keeps what is installed."""
    program(project / ".uv/bin/uv", UV.replace("sync*)", "*compile*) ;; sync*)"))
    python(project, "3, 11")
    assert make(project, ".venv/ready").returncode == 0
    assert (project / PTH).read_text() == "../../../..\n"
    assert (project / PTH).parent.joinpath("../../../..").resolve() == project.resolve()


def test_without_python_a_sentence_names_the_packages(project: Path) -> None:
    done = make(project, ".uv/bin/uv")
    assert done.returncode and "python3 was not found. Install one (Debian, Ubuntu: python3.13" in done.stdout


def test_without_debian_s_venv_a_sentence_names_the_package(project: Path) -> None:
    python(project, "3, 11", missing=("ensurepip",))
    done = make(project, ".uv/bin/uv")
    assert done.returncode and "apt install python3-venv" in done.stdout
    python(project, "3, 11")
    assert "called with -m venv .uv" in make(project, ".uv/bin/uv").stderr
