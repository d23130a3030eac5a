"""Folders for work in progress, inside the home folder. The next process removes what a killed one left."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

from warehouse.lock import process_start


@contextmanager
def scratch_folder(home: Path, purpose: str) -> Iterator[Path]:
    """An empty folder for the length of the block. Folders for the same purpose whose process is gone are removed."""
    root = home / "tmp"
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    for left in root.glob(f"{purpose}-*-*"):
        number = left.name.split("-")[-2]
        if number.isdigit() and process_start(int(number)) is None:
            shutil.rmtree(left, ignore_errors=True)
    folder = root / f"{purpose}-{os.getpid()}-{token_hex(4)}"
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
