"""What the report and dbt's page cost: seconds to write them for a company that has run, and where their bytes are.

python -m benchmarks.report [--company NAME] [--repeats 5]
"""

import argparse
import json
import re
import tempfile
from pathlib import Path
from time import process_time

from rich.console import Console
from rich.table import Table

from serving.publication.dbt_page import dbt_page
from serving.publication.publish import MANIFEST
from serving.report import write_report
from warehouse.settings import PROJECT_ROOT, Settings, load_settings
from warehouse.sql import connect

# What the bytes are, by what stands around them in the page.
PARTS = {
    "chart library": r'<script type="module">(.{400000,}?)</script>',
    "specifications of charts": r'<script type="application/json" id="[^"]+-spec">(.*?)</script>',
    "pictures of charts": r'<div class="still"[^>]*>(.*?)</svg>',
    "cube and customers": r'<script type="application/json" id="cube">(.*?)</script>',
}


def measure(settings: Settings, repeats: int) -> tuple[list[float], str]:
    """Processor seconds of each time that the report is written, the first with all imports, and the page."""
    with tempfile.TemporaryDirectory() as folder, connect(settings.published_path, read_only=True) as connection:
        target, seconds = Path(folder) / "report.html", []
        for _ in range(repeats):
            start = process_time()
            write_report(connection, settings, target)
            seconds.append(process_time() - start)
        return seconds, target.read_text(encoding="utf-8")


def measure_dbt_page(settings: Settings) -> tuple[float, int]:
    """Processor seconds of dbt's page, with reading the manifest, and its bytes."""
    start = process_time()
    manifest = json.loads((settings.published_dir / MANIFEST).read_bytes())
    page = dbt_page(manifest, [PROJECT_ROOT, settings.home, settings.folder, Path.home()])
    return process_time() - start, len(page.encode())


def sizes(page: str) -> dict[str, int]:
    """The bytes of each part of a page, and of all of it."""
    found = {
        name: sum(len(part.encode()) for part in re.findall(pattern, page, re.DOTALL))
        for name, pattern in PARTS.items()
    }
    return {**found, "the page": len(page.encode())}


def main() -> None:
    """Prints a table of each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--company", help="as for `loyalty --company`; the default company without it")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    settings = load_settings(arguments.company)
    seconds, page = measure(settings, arguments.repeats)
    table = Table("part", "bytes")
    for name, size in sizes(page).items():
        table.add_row(name, f"{size:,}")
    console = Console()
    console.print(table)
    again = f", {min(seconds[1:]):.2f} at best when it is written again" if len(seconds) > 1 else ""
    console.print(f"{seconds[0]:.2f} s of processor time, imports and pictures included{again}.")
    used, size = measure_dbt_page(settings)
    console.print(f"dbt's page: {used:.2f} s of processor time, {size:,} bytes.")


if __name__ == "__main__":
    main()
