"""The same company gives the same numbers under another processor's kernels, with more threads and in another order."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.kernels import available, compare, environment
from warehouse.settings import PROJECT_ROOT

HERE = Path(__file__).parent


def fitted(folder: Path, kernel: str, threads: int, *seed: str) -> dict[str, pd.DataFrame]:
    folder.mkdir()
    variables = environment(kernel) | {
        "PYTHONPATH": f"{PROJECT_ROOT}:{HERE}",
        "OPENBLAS_NUM_THREADS": str(threads),
        "OMP_NUM_THREADS": str(threads),
    }
    command = [sys.executable, str(HERE / "fits_of_all_models.py"), str(folder), *seed]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {file.stem: pd.read_parquet(file) for file in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def haswell(tmp_path_factory):
    kernels = available()
    if not {"Haswell", "Nehalem"} <= set(kernels):
        pytest.skip(f"OpenBLAS's Haswell and Nehalem kernels are for x86-64 processors with AVX2; here: {kernels}")
    return fitted(tmp_path_factory.mktemp("kernels") / "haswell", "Haswell", 1)


def require_same(first: dict[str, pd.DataFrame], second: dict[str, pd.DataFrame]) -> None:
    assert first.keys() == second.keys() and len(first) > 15
    found = [compare(name, first[name], second[name]) for name in first]
    assert [difference for difference in found if not difference.is_none] == []
    assert all(len(frame) for frame in first.values())


@pytest.mark.slow
def test_another_kernel_changes_nothing(haswell, tmp_path):
    require_same(haswell, fitted(tmp_path / "nehalem", "Nehalem", 1))


@pytest.mark.slow
def test_another_order_of_rows_and_more_threads_change_nothing(haswell, tmp_path):
    require_same(haswell, fitted(tmp_path / "shuffled", "Haswell", 2, "5"))
