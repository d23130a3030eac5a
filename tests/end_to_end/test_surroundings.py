"""The locale, the time zone, the hash seed, the processor and the names of folders change no number."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import kernels
from tests.support.company import LOYALTY, Company, Generated, company

pytestmark = pytest.mark.campaign

ELSEWHERE = {"LC_ALL": "C", "TZ": "Asia/Kolkata", "PYTHONHASHSEED": "7"}


def test_the_same_run_elsewhere_publishes_the_same(
    generated: Generated, built: Company, manifests: Callable[[str], Path], tmp_path: Path
) -> None:
    folder = tmp_path / "Mein Lädchen"
    shutil.copytree(generated.folder, folder / "Körbe 2024")
    other = company(folder / "höme", generated.settings(folder / "Körbe 2024"), manifests("elsewhere"))
    processor = kernels.environment("Nehalem") if "Nehalem" in kernels.available() else dict(os.environ)
    environment = {name: value for name, value in processor.items() if name not in ("PYTHONUTF8", "LANG")}
    command = [str(LOYALTY), "--company", str(other.file), "run"]
    done = subprocess.run(command, env={**environment, **ELSEWHERE}, capture_output=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr).decode(errors="replace")
    found = kernels.differences(built.settings.published_path, other.settings.published_path)
    assert len(found) > 30
    assert [difference for difference in found if not difference.is_none] == []
